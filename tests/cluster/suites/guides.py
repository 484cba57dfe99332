"""The guides on Flux and Argo CD, command by command, with a registry and a Git repository in place of those they name."""

import shutil
import subprocess
import time

from lib.bundles import EXAMPLES, Workshop, build_karsc, edit
from lib.cluster import Cluster
from lib.delivery import HOST, Argo, Flux, Registry, plain
from lib.guide import follow
from lib.repository import REPOSITORY, GitServer

PROGRAMS = ["kubernetes-1.36", "source-controller", "kustomize-controller", "argo-cd", "kustomize", "registry"]
GUIDES = EXAMPLES.parents[1] / "docs/guides"
PREFIX = "kars-mesh-roundtrip-hermes--"

prepare = build_karsc


def run(score, programs, folder):
    with Cluster(programs, folder) as cluster, Registry(programs, folder):
        with Flux(programs, folder, cluster):
            flux(score, cluster, Place(folder / "one", cluster))
        with Argo(programs, folder, cluster) as argo, GitServer(folder) as git:
            argo_cd(score, cluster, argo, git, Place(folder / "two", cluster))


class Place:
    """A folder in which somebody follows a guide: a Git repository with the examples, and programs on the path."""

    def __init__(self, folder, cluster):
        self.folder = folder
        shop = Workshop(folder)
        shutil.copytree(EXAMPLES, folder / "examples/scenarios")
        for name, program in (("karsc", shop.program), ("kubectl", cluster.programs / "kubectl")):
            (folder / "bin").mkdir(exist_ok=True)
            (folder / "bin" / name).symlink_to(program)
        self.environment = plain(folder, COSIGN_PASSWORD="", KUBECONFIG=cluster.kubeconfig)
        self.environment["PATH"] = f"{folder / 'bin'}:{self.environment['PATH']}"

    def repository(self, **more):
        """Makes the folder a repository with one commit, which is what a release is dated by."""
        self.environment |= {key: str(value) for key, value in more.items()}
        who = ("-c", "user.name=Author", "-c", "user.email=author@example.org")
        for command in (("init", "--quiet"), ("add", "examples"), ("commit", "--quiet", "-m", "Add the examples")):
            subprocess.run(["git", *who, *command], cwd=self.folder, env=self.environment, check=True)


def flux(score, cluster, place):
    """Follows the guide on Flux."""
    place.repository()

    def before():
        source = place.folder / "clusters/prod/brief/00-oci-repository.yaml"
        if source.exists() and "insecure" not in source.read_text():
            edit(source, "spec:\n", "spec:\n  insecure: true\n")  # The registry of a test speaks plain HTTP.

    follow(score, GUIDES / "flux.md", place.folder, place.environment, [("registry.example", HOST)], before)
    gone(score, cluster, "flux.md")


def argo_cd(score, cluster, argo, git, place):
    """Follows the guide on Argo CD."""
    settings = place.folder / ".gitconfig"
    settings.write_text(f'[user]\n\tname = Committer\n\temail = committer@example.org\n\tsigningKey = {git.keys["committer"]}\n'
                        f'[url "{git.folder / "served/bundles"}"]\n\tinsteadOf = https://git.example/acme/bundles.git\n')
    place.repository(GNUPGHOME=git.folder / "gnupg")
    (argo.folder / "gpg" / git.keys["committer"]).write_text(git.public("committer"))

    def before():
        for path in (place.folder / "out/delivery").glob("*.yaml"):
            path.write_text(path.read_text().replace("https://git.example/acme/bundles.git", REPOSITORY))

    # The address in a delivery object is that of this test's repository, so the layout of a branch is told the right one.
    follow(score, GUIDES / "argo-cd.md", place.folder, place.environment, [("AAAAAAAAAAAAAAAA", git.keys["committer"])], before)
    gone(score, cluster, "argo-cd.md")


def gone(score, cluster, guide):
    """Nothing is left of the scenario when a guide has been followed to its end."""
    end, left = time.monotonic() + 90, True
    while left and time.monotonic() < end:
        left = [one["metadata"]["name"] for one in cluster.list("v1", "Namespace") if one["metadata"]["name"].startswith(PREFIX)]
        time.sleep(0.5)
    score.check(f"nothing is left after {guide}", not left, str(left))
