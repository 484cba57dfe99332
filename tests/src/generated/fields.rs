//! The reference of fields: `docs/reference/scenario.md` and `environment.md`.

use super::assert_generated;

#[test]
fn the_reference_of_fields_is_what_the_types_say() {
    for (file, text) in karsc_core::schema::reference::pages() {
        assert_generated(&format!("docs/reference/{file}"), &text);
    }
}
