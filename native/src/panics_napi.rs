use crate::panics::FromDefect;
use napi::Error;

impl FromDefect for Error {
    fn from_defect(text: String) -> Error {
        Error::from_reason(text)
    }
}
