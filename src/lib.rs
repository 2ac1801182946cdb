//! The `azwi` provider: Microsoft Entra Workload ID on Kubernetes, for Terraform and OpenTofu.

pub mod emulator;
pub mod wait;
