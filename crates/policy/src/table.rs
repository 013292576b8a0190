// SPDX-License-Identifier: GPL-2.0-only
//! The table of a policy's callbacks.

use crate::abi::bpf_fs_readahead_ops;

// Does not compile once the contract has a member that is missing here: then
// `policy!` and `callback!` are to learn it, too.
const _: fn(bpf_fs_readahead_ops) = |table| {
    let bpf_fs_readahead_ops {
        get_max_ra: _,
        get_ra: _,
        name: _,
        decide: _,
        cgroup_id: _,
        dev: _,
        guard_percent: _,
        wants: _,
    } = table;
};

/// Name the policy and its callbacks; those that are not named are not there.
///
/// | callback | function | called |
/// | --- | --- | --- |
/// | `decide` | `fn(&State) -> Decision` | first, on every miss, mark and fault |
/// | `get_max_ra` | `fn(&State) -> Limit` | before the kernel sizes a window |
/// | `get_ra` | `fn(&State) -> Window` | when the kernel has computed one |
///
/// Where the policy holds (cgroup, device) and its guard are chosen when it is
/// attached.
///
/// The name has 1 to 15 characters and no blanks.
///
/// ```
/// use raext_policy::prelude::*;
/// fn keep(_s: &State) -> Window {
///     Window::Keep
/// }
/// policy! { name: "keep", get_ra: keep }
/// ```
///
/// A callback of another type does not compile:
/// ```compile_fail
/// # use raext_policy::prelude::*;
/// fn limit(_s: &State) -> Limit { Limit::Own }
/// policy! { name: "mixed-up", get_ra: limit }
/// ```
///
/// Nor does a name that the kernel would refuse:
/// ```compile_fail
/// # use raext_policy::prelude::*;
/// fn limit(_s: &State) -> Limit { Limit::Own }
/// policy! { name: "a name that is too long", get_max_ra: limit }
/// ```
#[macro_export]
macro_rules! policy {
    (name: $name:literal $(, $callback:ident: $function:ident)* $(,)?) => {
        // A fault of a policy is the same on every machine.
        const _: [u8; $crate::abi::BPF_FS_RA_NAME_LEN] = $crate::glue_name($name);
        $(const _: $crate::callback!($callback) = $function;)*

        #[cfg(target_arch = "bpf")]
        mod raext_policy_table {
            // Symbols have one space of names: tunables are in it, too.
            #[unsafe(no_mangle)]
            #[unsafe(link_section = "license")]
            static RAEXT_LICENSE: [u8; 4] = *b"GPL\0";

            /// libbpf finds the members by their names: one that is not here is
            /// NULL in the kernel's table.
            #[repr(C)]
            struct bpf_fs_readahead_ops {
                $($callback: unsafe extern "C" fn(*mut u64) -> i32,)*
                name: [u8; $crate::abi::BPF_FS_RA_NAME_LEN],
                // The loader fills in what follows.
                cgroup_id: u64,
                dev: u32,
                guard_percent: u32,
                wants: u64,
            }

            #[unsafe(no_mangle)]
            #[unsafe(link_section = ".struct_ops.link")]
            static RAEXT_POLICY: bpf_fs_readahead_ops = bpf_fs_readahead_ops {
                $($callback: callbacks::$callback,)*
                name: $crate::glue_name($name),
                cgroup_id: 0,
                dev: 0,
                guard_percent: 0,
                wants: 0,
            };

            mod callbacks {
                $(
                #[unsafe(no_mangle)]
                #[unsafe(link_section = concat!("struct_ops/", stringify!($callback)))]
                pub(super) unsafe extern "C" fn $callback(context: *mut u64) -> i32 {
                    // SAFETY: the kernel calls this as a callback of the table.
                    unsafe { $crate::glue::$callback(context, super::super::$function) }
                }
                )*
            }

            // The kernel refuses a function with an argument that has no name.
            #[panic_handler]
            fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
                let _ = info;
                loop {}
            }
        }
    };
}

/// The type of a callback's function.
#[doc(hidden)]
#[macro_export]
macro_rules! callback {
    (decide) => { fn(&$crate::State) -> $crate::Decision };
    (get_max_ra) => { fn(&$crate::State) -> $crate::Limit };
    (get_ra) => { fn(&$crate::State) -> $crate::Window };
    ($other:ident) => { compile_error!("a policy has the callbacks decide, get_max_ra and get_ra") };
}
