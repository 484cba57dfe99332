//! Who signed what, for whom, until when: the only verify function.
