//! The guard's list, made the kernel's own: replaced as a whole, then read back. Not here: what is on the list
//! (`kars_contract::guard`), and whether the document that it depends on may be believed (`kars_kit::document`).
//!
//! It fails closed. A transaction counts as a whole or not at all, so a list that the kernel refuses changes nothing; but
//! then the kernel holds a list of another document, or none, so the table is replaced by one that lets nothing out.

use kars_contract::guard::{GuardParams, rules};

mod attribute;
mod batch;
mod expression;
mod fault;
mod kernel;
mod message;
mod reading;
mod socket;
mod table;
mod terms;

pub use fault::Fault;

use kernel::Kernel;
use socket::Wire;
use table::Table;

/// Why the list is not in force, and what is instead.
#[derive(Debug, thiserror::Error)]
#[error("{fault}; {instead}")]
pub struct CannotGuard {
    fault: Fault,
    instead: Instead,
}

/// What is in force instead of the list.
#[derive(Debug, thiserror::Error)]
enum Instead {
    #[error("nothing was changed")]
    AsBefore,
    #[error("nothing leaves the pod now")]
    Closed,
    #[error("closing the pod failed, too: {0}")]
    Unknown(Fault),
}

/// Makes the list for these parameters the one that is in force; returns how many rules it has.
pub fn enforce(params: &GuardParams) -> Result<usize, CannotGuard> {
    let mut kernel = Kernel::connect().map_err(|fault| CannotGuard { fault, instead: Instead::AsBefore })?;
    hold(&mut kernel, &Table::of(&rules(params)))
}

fn hold<W: Wire>(kernel: &mut Kernel<W>, table: &Table) -> Result<usize, CannotGuard> {
    let Err(fault) = kernel.hold(table) else { return Ok(table.rules()) };
    if fault.is_final() {
        return Err(CannotGuard { fault, instead: Instead::AsBefore });
    }
    let instead = match kernel.hold(&Table::closed()) {
        Ok(()) => Instead::Closed,
        Err(second) => Instead::Unknown(second),
    };
    Err(CannotGuard { fault, instead })
}
