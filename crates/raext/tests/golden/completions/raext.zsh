#compdef raext

autoload -U is-at-least

_raext() {
    typeset -A opt_args
    typeset -a _arguments_options
    local ret=1

    if is-at-least 5.2; then
        _arguments_options=(-s -S -C)
    else
        _arguments_options=(-s -C)
    fi

    local context curcontext="$curcontext" state line
    _arguments "${_arguments_options[@]}" : \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
":: :_raext_commands" \
"*::: :->raext" \
&& ret=0
    case $state in
    (raext)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:raext-command-$line[1]:"
        case $line[1] in
            (new)
_arguments "${_arguments_options[@]}" : \
'-h[Print help]' \
'--help[Print help]' \
':name -- The new folder. Its last part is the policy'\''s name\: at most 15 small letters, digits, '\''-'\'' and '\''_'\'':_files' \
&& ret=0
;;
(build)
_arguments "${_arguments_options[@]}" : \
'-o+[Write the object file here \[default\: build/policies/NAME.bpf.o\]]:FILE:_files' \
'--output=[Write the object file here \[default\: build/policies/NAME.bpf.o\]]:FILE:_files' \
'--kernel=[Make the vmlinux.h that a C file includes from this kernel\: the newest of a series ("6.18"; see \`raext kernels\`), or a kernel image \[default\: 6.12\]]:SERIES|FILE:_default' \
'--untested[Accept a kernel of a series that the project is not tested on]' \
'(--kernel --untested)--host[Make the vmlinux.h from the running kernel]' \
'-h[Print help]' \
'--help[Print help]' \
':policy -- The policy'\''s source\: a shipped policy, the folder of a crate, or a C file:_default' \
&& ret=0
;;
(check)
_arguments "${_arguments_options[@]}" : \
'*--set=[Set a tunable, for example limit_kb=4096. May be repeated]:NAME=VALUE:_default' \
'--kernel=[Boot the newest kernel of this series ("6.18"; see \`raext kernels\`), or this kernel image \[default\: 6.12\]]:SERIES|FILE:_default' \
'--untested[Accept a kernel of a series that the project is not tested on]' \
'(--kernel --untested)--host[Ask the running kernel (needs root and the module) instead of a microVM]' \
'--log[Also print the whole log of libbpf and the verifier]' \
'-h[Print help]' \
'--help[Print help]' \
':policy -- The policy:_default' \
&& ret=0
;;
(attach)
_arguments "${_arguments_options[@]}" : \
'*--set=[Set a tunable, for example limit_kb=4096. May be repeated]:NAME=VALUE:_default' \
'(--foreground)--name=[Pin the link by this name \[default\: the policy'\''s own name\]]:NAME:_default' \
'--cgroup=[Decide for tasks of this cgroup (v2) and of those below it only\: its folder, or the id of a running container]:CGROUP:_default' \
'--device=[Decide for files of this device only\: a block device, a mount point or MAJOR\:MINOR]:DEVICE:_default' \
'--guard=[Return to the kernel'\''s own readahead when more than this share of the pages that the policy reads goes unused, in percent]:PERCENT:_default' \
'--foreground[Do not pin the link\: stay attached until this command is interrupted]' \
'-h[Print help]' \
'--help[Print help]' \
':policy -- The policy:_default' \
&& ret=0
;;
(detach)
_arguments "${_arguments_options[@]}" : \
'()--all[Detach every pinned policy]' \
'-h[Print help]' \
'--help[Print help]' \
'::name -- The name that `raext list` shows:_default' \
&& ret=0
;;
(swap)
_arguments "${_arguments_options[@]}" : \
'*--set=[Set a tunable, for example limit_kb=4096. May be repeated]:NAME=VALUE:_default' \
'-h[Print help]' \
'--help[Print help]' \
':name -- The name that `raext list` shows:_default' \
':policy -- The new policy. Cgroup, device and guard stay the same:_default' \
&& ret=0
;;
(list)
_arguments "${_arguments_options[@]}" : \
'--json[Print JSON]' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(stats)
_arguments "${_arguments_options[@]}" : \
'--watch=[Print again every SECONDS seconds, with the change since the last round]::SECONDS:_default' \
'--count=[Stop after N rounds of --watch]:N:_default' \
'--timing=[Turn the timing of callbacks on or off]:on|off:(on off)' \
'--json[Print JSON, one line for each round. The counters are totals]' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(try)
_arguments "${_arguments_options[@]}" : \
'-p+[The policy, with tunables after a colon\: wide\:limit_kb=8192 \[default\: none, the kernel'\''s own readahead\]]:POLICY[:NAME=VALUE,...]:_default' \
'--policy=[The policy, with tunables after a colon\: wide\:limit_kb=8192 \[default\: none, the kernel'\''s own readahead\]]:POLICY[:NAME=VALUE,...]:_default' \
'*-d+[Copy this folder (or file) onto the device. The command finds it at the same path. May be repeated]:DIR:_files' \
'*--data=[Copy this folder (or file) onto the device. The command finds it at the same path. May be repeated]:DIR:_files' \
'--device=[The device'\''s latency and bandwidth\: nvme (0.1 ms, 2 GB/s), cloud (1 ms, 200 MB/s) or disk (5 ms, 150 MB/s)]:PROFILE:_default' \
'--fs=[The file system of the data\: ext4, xfs, btrfs or overlay]:FS:_default' \
'--size=[Size of the device, such as 2G \[default\: the data and a quarter\]]:SIZE:_default' \
'--memory=[Memory of the microVM, such as 4G. The device lies in it \[default\: enough for the device, to cache all data, and 1G\]]:SIZE:_default' \
'--limit=[Memory of the command and its page cache, such as 256M (memory.max of its cgroup), at least 256K \[default\: no limit\]]:SIZE:_default' \
'--read-ahead-kb=[Set the read_ahead_kb of the device to N instead of the kernel'\''s default]:N:_default' \
'*--before=[Run this shell command first, without measuring it\: it may make data or start a server. A folder of --data need not exist then. May be repeated]:COMMAND:_default' \
'*-e+[Set a variable of the environment, beside this shell'\''s. May be repeated]:NAME=VALUE:_default' \
'*--env=[Set a variable of the environment, beside this shell'\''s. May be repeated]:NAME=VALUE:_default' \
'--timeout=[Kill the command after SECONDS seconds]:SECONDS:_default' \
'--kernel=[Boot the newest kernel of this series ("6.18"; see \`raext kernels\`), or this kernel image \[default\: 6.12\]]:SERIES|FILE:_default' \
'--json=[Also write the summary as JSON to this file ("-"\: to standard error, instead of the table)]:FILE:_files' \
'--warm[Do not drop the caches after the copy]' \
'--compare[Run the command twice, each time on a fresh copy of the data\: first with the kernel'\''s own readahead. The output is that of the second run]' \
'--untested[Accept a kernel of a series that the project is not tested on]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'*::command -- The command and its arguments:_default' \
&& ret=0
;;
(compare)
_arguments "${_arguments_options[@]}" : \
'*-p+[A policy, with tunables after a colon\: wide\:limit_kb=8192. May be repeated \[default\: auto, wide and lean\]]:POLICY[:NAME=VALUE,...]:_default' \
'*--policy=[A policy, with tunables after a colon\: wide\:limit_kb=8192. May be repeated \[default\: auto, wide and lean\]]:POLICY[:NAME=VALUE,...]:_default' \
'*-w+[A workload. May be repeated \[default\: the first seven\]]:WORKLOAD:_default' \
'*--workload=[A workload. May be repeated \[default\: the first seven\]]:WORKLOAD:_default' \
'--device=[The device'\''s latency and bandwidth\: nvme (0.1 ms, 2 GB/s), cloud (1 ms, 200 MB/s) or disk (5 ms, 150 MB/s)]:PROFILE:_default' \
'--fs=[The file system of the data\: ext4, xfs, btrfs, overlay (the lower layer of one, on ext4) or raw (the block device itself)]:FS:_default' \
'--repeat=[Number of runs of each pair]:N:_default' \
'--kernel=[Boot the newest kernel of this series ("6.18"; see \`raext kernels\`), or this kernel image \[default\: 6.12\]]:SERIES|FILE:_default' \
'--json=[Write the measurements as JSON to this file ("-"\: print them instead of the table)]::FILE:_files' \
'--html=[Write a page with charts to this file]:FILE:_files' \
'--untested[Accept a kernel of a series that the project is not tested on]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(bench)
_arguments "${_arguments_options[@]}" : \
'*-p+[A policy, with tunables after a colon\: wide\:limit_kb=8192. May be repeated \[default\: auto, tree, wide and lean\]]:POLICY[:NAME=VALUE,...]:_default' \
'*--policy=[A policy, with tunables after a colon\: wide\:limit_kb=8192. May be repeated \[default\: auto, tree, wide and lean\]]:POLICY[:NAME=VALUE,...]:_default' \
'*-r+[A row, by its name or as NAME@DEVICE/FS. May be repeated \[default\: all\]. A complete row is measured again]:ROW:_default' \
'*--row=[A row, by its name or as NAME@DEVICE/FS. May be repeated \[default\: all\]. A complete row is measured again]:ROW:_default' \
'*--device=[A device. May be repeated \[default\: disk\]]:PROFILE:_default' \
'*--fs=[A file system. May be repeated \[default\: ext4\]]:FS:_default' \
'--repeat=[Number of runs of each cell \[default\: 3\]]:N:_default' \
'--svg=[With --show, also write a picture of ten rows to this file]:FILE:_files' \
'--out=[The folder of the measurements \[default\: build/bench\]]:DIR:_files' \
'--kernel=[Boot the newest kernel of this series ("6.18"; see \`raext kernels\`), or this kernel image \[default\: 6.12\]]:SERIES|FILE:_default' \
'(--device --fs)--all[Measure every device, on ext4, xfs and btrfs. This takes hours]' \
'(--repeat)--quick[Run each cell once. Differences below a factor of two are not shown]' \
'--no-cost[Do not count the instructions of the policies'\'' decisions. With --row they are never counted]' \
'--list[Show the rows, the columns, the number of runs and the time that they may take. Measure nothing]' \
'(--list --fresh -r --row)--show[Show the stored measurements, and write table and page again. Measure nothing]' \
'--fresh[Delete the stored measurements first]' \
'--untested[Accept a kernel of a series that the project is not tested on]' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(cost)
_arguments "${_arguments_options[@]}" : \
'--pairs=[Interleaved pairs of measurements, without and with the policy \[default\: 7; 40 of time\]]:N:_default' \
'--kernel=[Boot the newest kernel of this series ("6.18"; see \`raext kernels\`), or this kernel image \[default\: 6.12\]]:SERIES|FILE:_default' \
'--time[Measure wall time instead of counting instructions]' \
'--untested[Accept a kernel of a series that the project is not tested on]' \
'-h[Print help]' \
'--help[Print help]' \
'::policy -- The policy:_default' \
&& ret=0
;;
(record)
_arguments "${_arguments_options[@]}" : \
'-o+[Write the recording to this file]:FILE:_files' \
'--output=[Write the recording to this file]:FILE:_files' \
'*-w+[A workload. May be repeated \[default\: seq-read, random-read, mmap-seq and mmap-random\]]:WORKLOAD:_default' \
'*--workload=[A workload. May be repeated \[default\: seq-read, random-read, mmap-seq and mmap-random\]]:WORKLOAD:_default' \
'--rounds=[Number of runs of each workload. The last round is not used for training\: it tests the tree]:N:_default' \
'--seed=[Seed of the first round'\''s random offsets]:N:_default' \
'--device=[The device'\''s latency and bandwidth\: nvme, cloud or disk]:PROFILE:_default' \
'--fs=[The file system of the data\: ext4, xfs, btrfs, overlay or raw]:FS:_default' \
'--kernel=[Boot the newest kernel of this series ("6.18"; see \`raext kernels\`), or this kernel image \[default\: 6.12\]]:SERIES|FILE:_default' \
'--untested[Accept a kernel of a series that the project is not tested on]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(train)
_arguments "${_arguments_options[@]}" : \
'-o+[Write the tree to this file \[default\: policies/tree/src/tree.rs of the checkout\]]:FILE:_files' \
'--output=[Write the tree to this file \[default\: policies/tree/src/tree.rs of the checkout\]]:FILE:_files' \
'-h[Print help]' \
'--help[Print help]' \
':recording -- A file that `raext record` wrote:_files' \
&& ret=0
;;
(kernels)
_arguments "${_arguments_options[@]}" : \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(module)
_arguments "${_arguments_options[@]}" : \
'-h[Print help]' \
'--help[Print help]' \
":: :_raext__subcmd__module_commands" \
"*::: :->module" \
&& ret=0

    case $state in
    (module)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:raext-module-command-$line[1]:"
        case $line[1] in
            (build)
_arguments "${_arguments_options[@]}" : \
'--untested[Accept a kernel of a series that the project is not tested on]' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(load)
_arguments "${_arguments_options[@]}" : \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(unload)
_arguments "${_arguments_options[@]}" : \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
":: :_raext__subcmd__module__subcmd__help_commands" \
"*::: :->help" \
&& ret=0

    case $state in
    (help)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:raext-module-help-command-$line[1]:"
        case $line[1] in
            (build)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(load)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(unload)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
        esac
    ;;
esac
;;
(policies)
_arguments "${_arguments_options[@]}" : \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(man)
_arguments "${_arguments_options[@]}" : \
'()-o+[Write the pages of all commands into this folder, such as /usr/local/share/man/man1]:DIR:_files' \
'()--output=[Write the pages of all commands into this folder, such as /usr/local/share/man/man1]:DIR:_files' \
'-h[Print help]' \
'--help[Print help]' \
'*::command -- The command whose page is printed, such as `attach` or `module build` \[default\: raext itself\]:_default' \
&& ret=0
;;
(completions)
_arguments "${_arguments_options[@]}" : \
'-h[Print help]' \
'--help[Print help]' \
':shell -- The shell:(bash elvish fish powershell zsh)' \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
":: :_raext__subcmd__help_commands" \
"*::: :->help" \
&& ret=0

    case $state in
    (help)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:raext-help-command-$line[1]:"
        case $line[1] in
            (new)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(build)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(check)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(attach)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(detach)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(swap)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(list)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(stats)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(try)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(compare)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(bench)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(cost)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(record)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(train)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(kernels)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(module)
_arguments "${_arguments_options[@]}" : \
":: :_raext__subcmd__help__subcmd__module_commands" \
"*::: :->module" \
&& ret=0

    case $state in
    (module)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:raext-help-module-command-$line[1]:"
        case $line[1] in
            (build)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(load)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(unload)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
(policies)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(man)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(completions)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
        esac
    ;;
esac
}

(( $+functions[_raext_commands] )) ||
_raext_commands() {
    local commands; commands=(
'new:Create a policy of your own\: a crate with tests' \
'build:Compile a policy, a Rust crate or a C file, into an object file' \
'check:Ask the kernel'\''s verifier for its verdict, without attaching' \
'attach:Attach a policy on the running kernel' \
'detach:Detach a policy. The kernel'\''s own readahead is back at once' \
'swap:Replace an attached policy by another one, without a gap' \
'list:Show the attached policies\: scope, age, and the process that attached them' \
'stats:Show the counters of the attached policies, event by event' \
'try:Run a command of this machine in a microVM, under a policy' \
'compare:Measure policies against the kernel'\''s own readahead, in a microVM' \
'bench:Run the whole benchmark\: policies against the kernel'\''s default, every fixed read_ahead_kb, the best of these with hindsight, and the floor' \
'cost:Measure the cost of an attached policy, in instructions, in a microVM' \
'record:Record accesses and decisions of workloads in a microVM, as input of \`train\`' \
'train:Train the decision tree of the policy \`tree\` from a recording' \
'kernels:Show the kernels for the microVM\: which are available, which are tested' \
'module:Build, load or remove the kernel module of the running kernel' \
'policies:Show the shipped policies and their tunables' \
'man:Print the man page of raext or of one of its commands' \
'completions:Print the completions for a shell' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'raext commands' commands "$@"
}
(( $+functions[_raext__subcmd__attach_commands] )) ||
_raext__subcmd__attach_commands() {
    local commands; commands=()
    _describe -t commands 'raext attach commands' commands "$@"
}
(( $+functions[_raext__subcmd__bench_commands] )) ||
_raext__subcmd__bench_commands() {
    local commands; commands=()
    _describe -t commands 'raext bench commands' commands "$@"
}
(( $+functions[_raext__subcmd__build_commands] )) ||
_raext__subcmd__build_commands() {
    local commands; commands=()
    _describe -t commands 'raext build commands' commands "$@"
}
(( $+functions[_raext__subcmd__check_commands] )) ||
_raext__subcmd__check_commands() {
    local commands; commands=()
    _describe -t commands 'raext check commands' commands "$@"
}
(( $+functions[_raext__subcmd__compare_commands] )) ||
_raext__subcmd__compare_commands() {
    local commands; commands=()
    _describe -t commands 'raext compare commands' commands "$@"
}
(( $+functions[_raext__subcmd__completions_commands] )) ||
_raext__subcmd__completions_commands() {
    local commands; commands=()
    _describe -t commands 'raext completions commands' commands "$@"
}
(( $+functions[_raext__subcmd__cost_commands] )) ||
_raext__subcmd__cost_commands() {
    local commands; commands=()
    _describe -t commands 'raext cost commands' commands "$@"
}
(( $+functions[_raext__subcmd__detach_commands] )) ||
_raext__subcmd__detach_commands() {
    local commands; commands=()
    _describe -t commands 'raext detach commands' commands "$@"
}
(( $+functions[_raext__subcmd__help_commands] )) ||
_raext__subcmd__help_commands() {
    local commands; commands=(
'new:Create a policy of your own\: a crate with tests' \
'build:Compile a policy, a Rust crate or a C file, into an object file' \
'check:Ask the kernel'\''s verifier for its verdict, without attaching' \
'attach:Attach a policy on the running kernel' \
'detach:Detach a policy. The kernel'\''s own readahead is back at once' \
'swap:Replace an attached policy by another one, without a gap' \
'list:Show the attached policies\: scope, age, and the process that attached them' \
'stats:Show the counters of the attached policies, event by event' \
'try:Run a command of this machine in a microVM, under a policy' \
'compare:Measure policies against the kernel'\''s own readahead, in a microVM' \
'bench:Run the whole benchmark\: policies against the kernel'\''s default, every fixed read_ahead_kb, the best of these with hindsight, and the floor' \
'cost:Measure the cost of an attached policy, in instructions, in a microVM' \
'record:Record accesses and decisions of workloads in a microVM, as input of \`train\`' \
'train:Train the decision tree of the policy \`tree\` from a recording' \
'kernels:Show the kernels for the microVM\: which are available, which are tested' \
'module:Build, load or remove the kernel module of the running kernel' \
'policies:Show the shipped policies and their tunables' \
'man:Print the man page of raext or of one of its commands' \
'completions:Print the completions for a shell' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'raext help commands' commands "$@"
}
(( $+functions[_raext__subcmd__help__subcmd__attach_commands] )) ||
_raext__subcmd__help__subcmd__attach_commands() {
    local commands; commands=()
    _describe -t commands 'raext help attach commands' commands "$@"
}
(( $+functions[_raext__subcmd__help__subcmd__bench_commands] )) ||
_raext__subcmd__help__subcmd__bench_commands() {
    local commands; commands=()
    _describe -t commands 'raext help bench commands' commands "$@"
}
(( $+functions[_raext__subcmd__help__subcmd__build_commands] )) ||
_raext__subcmd__help__subcmd__build_commands() {
    local commands; commands=()
    _describe -t commands 'raext help build commands' commands "$@"
}
(( $+functions[_raext__subcmd__help__subcmd__check_commands] )) ||
_raext__subcmd__help__subcmd__check_commands() {
    local commands; commands=()
    _describe -t commands 'raext help check commands' commands "$@"
}
(( $+functions[_raext__subcmd__help__subcmd__compare_commands] )) ||
_raext__subcmd__help__subcmd__compare_commands() {
    local commands; commands=()
    _describe -t commands 'raext help compare commands' commands "$@"
}
(( $+functions[_raext__subcmd__help__subcmd__completions_commands] )) ||
_raext__subcmd__help__subcmd__completions_commands() {
    local commands; commands=()
    _describe -t commands 'raext help completions commands' commands "$@"
}
(( $+functions[_raext__subcmd__help__subcmd__cost_commands] )) ||
_raext__subcmd__help__subcmd__cost_commands() {
    local commands; commands=()
    _describe -t commands 'raext help cost commands' commands "$@"
}
(( $+functions[_raext__subcmd__help__subcmd__detach_commands] )) ||
_raext__subcmd__help__subcmd__detach_commands() {
    local commands; commands=()
    _describe -t commands 'raext help detach commands' commands "$@"
}
(( $+functions[_raext__subcmd__help__subcmd__help_commands] )) ||
_raext__subcmd__help__subcmd__help_commands() {
    local commands; commands=()
    _describe -t commands 'raext help help commands' commands "$@"
}
(( $+functions[_raext__subcmd__help__subcmd__kernels_commands] )) ||
_raext__subcmd__help__subcmd__kernels_commands() {
    local commands; commands=()
    _describe -t commands 'raext help kernels commands' commands "$@"
}
(( $+functions[_raext__subcmd__help__subcmd__list_commands] )) ||
_raext__subcmd__help__subcmd__list_commands() {
    local commands; commands=()
    _describe -t commands 'raext help list commands' commands "$@"
}
(( $+functions[_raext__subcmd__help__subcmd__man_commands] )) ||
_raext__subcmd__help__subcmd__man_commands() {
    local commands; commands=()
    _describe -t commands 'raext help man commands' commands "$@"
}
(( $+functions[_raext__subcmd__help__subcmd__module_commands] )) ||
_raext__subcmd__help__subcmd__module_commands() {
    local commands; commands=(
'build:Build the module for the running kernel (needs its headers)' \
'load:Load the module that \`build\` made' \
'unload:Remove the module. Refused while a policy is attached' \
    )
    _describe -t commands 'raext help module commands' commands "$@"
}
(( $+functions[_raext__subcmd__help__subcmd__module__subcmd__build_commands] )) ||
_raext__subcmd__help__subcmd__module__subcmd__build_commands() {
    local commands; commands=()
    _describe -t commands 'raext help module build commands' commands "$@"
}
(( $+functions[_raext__subcmd__help__subcmd__module__subcmd__load_commands] )) ||
_raext__subcmd__help__subcmd__module__subcmd__load_commands() {
    local commands; commands=()
    _describe -t commands 'raext help module load commands' commands "$@"
}
(( $+functions[_raext__subcmd__help__subcmd__module__subcmd__unload_commands] )) ||
_raext__subcmd__help__subcmd__module__subcmd__unload_commands() {
    local commands; commands=()
    _describe -t commands 'raext help module unload commands' commands "$@"
}
(( $+functions[_raext__subcmd__help__subcmd__new_commands] )) ||
_raext__subcmd__help__subcmd__new_commands() {
    local commands; commands=()
    _describe -t commands 'raext help new commands' commands "$@"
}
(( $+functions[_raext__subcmd__help__subcmd__policies_commands] )) ||
_raext__subcmd__help__subcmd__policies_commands() {
    local commands; commands=()
    _describe -t commands 'raext help policies commands' commands "$@"
}
(( $+functions[_raext__subcmd__help__subcmd__record_commands] )) ||
_raext__subcmd__help__subcmd__record_commands() {
    local commands; commands=()
    _describe -t commands 'raext help record commands' commands "$@"
}
(( $+functions[_raext__subcmd__help__subcmd__stats_commands] )) ||
_raext__subcmd__help__subcmd__stats_commands() {
    local commands; commands=()
    _describe -t commands 'raext help stats commands' commands "$@"
}
(( $+functions[_raext__subcmd__help__subcmd__swap_commands] )) ||
_raext__subcmd__help__subcmd__swap_commands() {
    local commands; commands=()
    _describe -t commands 'raext help swap commands' commands "$@"
}
(( $+functions[_raext__subcmd__help__subcmd__train_commands] )) ||
_raext__subcmd__help__subcmd__train_commands() {
    local commands; commands=()
    _describe -t commands 'raext help train commands' commands "$@"
}
(( $+functions[_raext__subcmd__help__subcmd__try_commands] )) ||
_raext__subcmd__help__subcmd__try_commands() {
    local commands; commands=()
    _describe -t commands 'raext help try commands' commands "$@"
}
(( $+functions[_raext__subcmd__kernels_commands] )) ||
_raext__subcmd__kernels_commands() {
    local commands; commands=()
    _describe -t commands 'raext kernels commands' commands "$@"
}
(( $+functions[_raext__subcmd__list_commands] )) ||
_raext__subcmd__list_commands() {
    local commands; commands=()
    _describe -t commands 'raext list commands' commands "$@"
}
(( $+functions[_raext__subcmd__man_commands] )) ||
_raext__subcmd__man_commands() {
    local commands; commands=()
    _describe -t commands 'raext man commands' commands "$@"
}
(( $+functions[_raext__subcmd__module_commands] )) ||
_raext__subcmd__module_commands() {
    local commands; commands=(
'build:Build the module for the running kernel (needs its headers)' \
'load:Load the module that \`build\` made' \
'unload:Remove the module. Refused while a policy is attached' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'raext module commands' commands "$@"
}
(( $+functions[_raext__subcmd__module__subcmd__build_commands] )) ||
_raext__subcmd__module__subcmd__build_commands() {
    local commands; commands=()
    _describe -t commands 'raext module build commands' commands "$@"
}
(( $+functions[_raext__subcmd__module__subcmd__help_commands] )) ||
_raext__subcmd__module__subcmd__help_commands() {
    local commands; commands=(
'build:Build the module for the running kernel (needs its headers)' \
'load:Load the module that \`build\` made' \
'unload:Remove the module. Refused while a policy is attached' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'raext module help commands' commands "$@"
}
(( $+functions[_raext__subcmd__module__subcmd__help__subcmd__build_commands] )) ||
_raext__subcmd__module__subcmd__help__subcmd__build_commands() {
    local commands; commands=()
    _describe -t commands 'raext module help build commands' commands "$@"
}
(( $+functions[_raext__subcmd__module__subcmd__help__subcmd__help_commands] )) ||
_raext__subcmd__module__subcmd__help__subcmd__help_commands() {
    local commands; commands=()
    _describe -t commands 'raext module help help commands' commands "$@"
}
(( $+functions[_raext__subcmd__module__subcmd__help__subcmd__load_commands] )) ||
_raext__subcmd__module__subcmd__help__subcmd__load_commands() {
    local commands; commands=()
    _describe -t commands 'raext module help load commands' commands "$@"
}
(( $+functions[_raext__subcmd__module__subcmd__help__subcmd__unload_commands] )) ||
_raext__subcmd__module__subcmd__help__subcmd__unload_commands() {
    local commands; commands=()
    _describe -t commands 'raext module help unload commands' commands "$@"
}
(( $+functions[_raext__subcmd__module__subcmd__load_commands] )) ||
_raext__subcmd__module__subcmd__load_commands() {
    local commands; commands=()
    _describe -t commands 'raext module load commands' commands "$@"
}
(( $+functions[_raext__subcmd__module__subcmd__unload_commands] )) ||
_raext__subcmd__module__subcmd__unload_commands() {
    local commands; commands=()
    _describe -t commands 'raext module unload commands' commands "$@"
}
(( $+functions[_raext__subcmd__new_commands] )) ||
_raext__subcmd__new_commands() {
    local commands; commands=()
    _describe -t commands 'raext new commands' commands "$@"
}
(( $+functions[_raext__subcmd__policies_commands] )) ||
_raext__subcmd__policies_commands() {
    local commands; commands=()
    _describe -t commands 'raext policies commands' commands "$@"
}
(( $+functions[_raext__subcmd__record_commands] )) ||
_raext__subcmd__record_commands() {
    local commands; commands=()
    _describe -t commands 'raext record commands' commands "$@"
}
(( $+functions[_raext__subcmd__stats_commands] )) ||
_raext__subcmd__stats_commands() {
    local commands; commands=()
    _describe -t commands 'raext stats commands' commands "$@"
}
(( $+functions[_raext__subcmd__swap_commands] )) ||
_raext__subcmd__swap_commands() {
    local commands; commands=()
    _describe -t commands 'raext swap commands' commands "$@"
}
(( $+functions[_raext__subcmd__train_commands] )) ||
_raext__subcmd__train_commands() {
    local commands; commands=()
    _describe -t commands 'raext train commands' commands "$@"
}
(( $+functions[_raext__subcmd__try_commands] )) ||
_raext__subcmd__try_commands() {
    local commands; commands=()
    _describe -t commands 'raext try commands' commands "$@"
}

if [ "$funcstack[1]" = "_raext" ]; then
    _raext "$@"
else
    compdef _raext raext
fi
