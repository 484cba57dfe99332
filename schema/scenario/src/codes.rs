//! Codes of faults in reading files. The codes of rules stand in the rules' own files; each code has a page.

use crate::diagnostic::Code;

pub const YAML_SYNTAX: Code = Code(101);
pub const DUPLICATE_KEY: Code = Code(102);
pub const REUSED_NODE: Code = Code(103);
pub const LIMIT: Code = Code(104);
pub const ENCODING: Code = Code(105);
pub const UNKNOWN_FIELD: Code = Code(106);
pub const MISSING_FIELD: Code = Code(107);
pub const WRONG_TYPE: Code = Code(108);
pub const UNKNOWN_CHOICE: Code = Code(109);
pub const UNQUOTED_TEXT: Code = Code(110);
pub const MALFORMED: Code = Code(111);
pub const OUT_OF_RANGE: Code = Code(112);
pub const HIDDEN_CHARACTER: Code = Code(114);
pub const UNREADABLE_FILE: Code = Code(115);
pub const OUTSIDE_FOLDER: Code = Code(116);
pub const INCLUDE_CYCLE: Code = Code(117);
pub const DOUBLE_ENTRY: Code = Code(118);
pub const SECRET_VALUE: Code = Code(119);
pub const KCL: Code = Code(120);
pub const DECISION_LOG: Code = Code(121);
