pub fn every_operation_has_a_row() -> Result<(), String> {
    Ok(())
}
pub fn every_signature_is_pytorchs() -> Result<(), String> {
    Ok(())
}
