# Evaluates one KCL file with the kcl-lib package and prints {"engine": …, "output": …}.
# Limits come before the engine, so that nothing the file does can outlive or outgrow them.
# Exit codes: 0 evaluated, 1 refused (SARIF on stderr), 3 no kcl-lib.
import json
import os
import sys

try:
    import resource

    CPU_SECONDS = 8  # As long as the parent waits.
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 1))
    resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
except ImportError:
    pass  # Windows: the parent's wall clock is the limit.

try:
    import kcl_lib.api as api
except ImportError as missing:
    print(missing, file=sys.stderr)
    sys.exit(3)

# The answer has a pipe of its own: whatever else writes to standard output is not part of it.
answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
os.dup2(2, 1)

folder, entry = sys.argv[1], sys.argv[2]
service = api.API()
try:
    result = service.exec_program(
        api.ExecProgramArgs(
            work_dir=folder,
            k_filename_list=[entry],
            disable_none=True,
            disable_yaml_result=True,
            error_format="sarif",
        )
    )
except Exception as refused:  # The engine has one exception type; its text is the SARIF log.
    print(refused, file=sys.stderr)
    sys.exit(1)
if result.err_message:
    sys.exit(1)  # The engine has already written the SARIF log to standard error.

engine = "kcl-lib " + service.get_version().version
answer.write('{"engine":' + json.dumps(engine) + ',"output":' + (result.json_result or "{}") + "}")
answer.close()
