//! Recurrent layers.

mod cell;
mod lstm;
mod weights;

pub use cell::{LSTMCell, LSTMCellBuilder};
pub use lstm::{LSTM, LSTMBuilder, LstmState, Sequences};
