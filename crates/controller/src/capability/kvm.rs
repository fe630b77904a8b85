//! `kvm`: virtual machines at the processor's speed.

use super::{Capability, Finding, Missing, look, node};
use crate::host::Host;

pub(super) const CAPABILITY: Capability = Capability { name: "kvm", title: "Virtual machines", probe };

fn probe(host: &dyn Host) -> Finding {
    let processor = look::text(host, "/proc/cpuinfo").unwrap_or_default();
    let has = |flag: &str| processor.split_ascii_whitespace().any(|word| word == flag);
    let (module, extension) =
        if has("svm") { ("kvm_amd", Some("svm")) } else { ("kvm_intel", has("vmx").then_some("vmx")) };
    node(host, "/dev/kvm", module).map_err(|missing| match extension {
        Some(extension) => Missing { evidence: format!("{}, the processor has {extension}", missing.evidence), ..missing },
        None => Missing::new(
            "no_extension",
            "The processor doesn't offer it. Switch virtualization on in the computer's firmware; where this computer is a virtual machine itself, allow it nested ones.",
            format!("{}, the processor has neither vmx nor svm", missing.evidence),
        ),
    })
}
