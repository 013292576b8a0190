# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_raext_global_optspecs
    string join \n h/help V/version
end

function __fish_raext_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_raext_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_raext_using_subcommand
    set -l cmd (__fish_raext_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c raext -n "__fish_raext_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c raext -n "__fish_raext_needs_command" -s V -l version -d 'Print version'
complete -c raext -n "__fish_raext_needs_command" -f -a "new" -d 'Create a policy of your own: a crate with tests'
complete -c raext -n "__fish_raext_needs_command" -f -a "build" -d 'Compile a policy, a Rust crate or a C file, into an object file'
complete -c raext -n "__fish_raext_needs_command" -f -a "check" -d 'Ask the kernel\'s verifier for its verdict, without attaching'
complete -c raext -n "__fish_raext_needs_command" -f -a "attach" -d 'Attach a policy on the running kernel'
complete -c raext -n "__fish_raext_needs_command" -f -a "detach" -d 'Detach a policy. The kernel\'s own readahead is back at once'
complete -c raext -n "__fish_raext_needs_command" -f -a "swap" -d 'Replace an attached policy by another one, without a gap'
complete -c raext -n "__fish_raext_needs_command" -f -a "list" -d 'Show the attached policies: scope, age, and the process that attached them'
complete -c raext -n "__fish_raext_needs_command" -f -a "stats" -d 'Show the counters of the attached policies, event by event'
complete -c raext -n "__fish_raext_needs_command" -f -a "try" -d 'Run a command of this machine in a microVM, under a policy'
complete -c raext -n "__fish_raext_needs_command" -f -a "compare" -d 'Measure policies against the kernel\'s own readahead, in a microVM'
complete -c raext -n "__fish_raext_needs_command" -f -a "bench" -d 'Run the whole benchmark: policies against the kernel\'s default, every fixed read_ahead_kb, the best of these with hindsight, and the floor'
complete -c raext -n "__fish_raext_needs_command" -f -a "cost" -d 'Measure the cost of an attached policy, in instructions, in a microVM'
complete -c raext -n "__fish_raext_needs_command" -f -a "record" -d 'Record accesses and decisions of workloads in a microVM, as input of `train`'
complete -c raext -n "__fish_raext_needs_command" -f -a "train" -d 'Train the decision tree of the policy `tree` from a recording'
complete -c raext -n "__fish_raext_needs_command" -f -a "kernels" -d 'Show the kernels for the microVM: which are available, which are tested'
complete -c raext -n "__fish_raext_needs_command" -f -a "module" -d 'Build, load or remove the kernel module of the running kernel'
complete -c raext -n "__fish_raext_needs_command" -f -a "policies" -d 'Show the shipped policies and their tunables'
complete -c raext -n "__fish_raext_needs_command" -f -a "man" -d 'Print the man page of raext or of one of its commands'
complete -c raext -n "__fish_raext_needs_command" -f -a "completions" -d 'Print the completions for a shell'
complete -c raext -n "__fish_raext_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c raext -n "__fish_raext_using_subcommand new" -s h -l help -d 'Print help'
complete -c raext -n "__fish_raext_using_subcommand build" -s o -l output -d 'Write the object file here [default: build/policies/NAME.bpf.o]' -r -F
complete -c raext -n "__fish_raext_using_subcommand build" -l kernel -d 'Make the vmlinux.h that a C file includes from this kernel: the newest of a series ("6.18"; see `raext kernels`), or a kernel image [default: 6.12]' -r
complete -c raext -n "__fish_raext_using_subcommand build" -l untested -d 'Accept a kernel of a series that the project is not tested on'
complete -c raext -n "__fish_raext_using_subcommand build" -l host -d 'Make the vmlinux.h from the running kernel'
complete -c raext -n "__fish_raext_using_subcommand build" -s h -l help -d 'Print help'
complete -c raext -n "__fish_raext_using_subcommand check" -l set -d 'Set a tunable, for example limit_kb=4096. May be repeated' -r
complete -c raext -n "__fish_raext_using_subcommand check" -l kernel -d 'Boot the newest kernel of this series ("6.18"; see `raext kernels`), or this kernel image [default: 6.12]' -r
complete -c raext -n "__fish_raext_using_subcommand check" -l untested -d 'Accept a kernel of a series that the project is not tested on'
complete -c raext -n "__fish_raext_using_subcommand check" -l host -d 'Ask the running kernel (needs root and the module) instead of a microVM'
complete -c raext -n "__fish_raext_using_subcommand check" -l log -d 'Also print the whole log of libbpf and the verifier'
complete -c raext -n "__fish_raext_using_subcommand check" -s h -l help -d 'Print help'
complete -c raext -n "__fish_raext_using_subcommand attach" -l set -d 'Set a tunable, for example limit_kb=4096. May be repeated' -r
complete -c raext -n "__fish_raext_using_subcommand attach" -l name -d 'Pin the link by this name [default: the policy\'s own name]' -r
complete -c raext -n "__fish_raext_using_subcommand attach" -l cgroup -d 'Decide for tasks of this cgroup (v2) and of those below it only: its folder, or the id of a running container' -r
complete -c raext -n "__fish_raext_using_subcommand attach" -l device -d 'Decide for files of this device only: a block device, a mount point or MAJOR:MINOR' -r
complete -c raext -n "__fish_raext_using_subcommand attach" -l guard -d 'Return to the kernel\'s own readahead when more than this share of the pages that the policy reads goes unused, in percent' -r
complete -c raext -n "__fish_raext_using_subcommand attach" -l foreground -d 'Do not pin the link: stay attached until this command is interrupted'
complete -c raext -n "__fish_raext_using_subcommand attach" -s h -l help -d 'Print help'
complete -c raext -n "__fish_raext_using_subcommand detach" -l all -d 'Detach every pinned policy'
complete -c raext -n "__fish_raext_using_subcommand detach" -s h -l help -d 'Print help'
complete -c raext -n "__fish_raext_using_subcommand swap" -l set -d 'Set a tunable, for example limit_kb=4096. May be repeated' -r
complete -c raext -n "__fish_raext_using_subcommand swap" -s h -l help -d 'Print help'
complete -c raext -n "__fish_raext_using_subcommand list" -l json -d 'Print JSON'
complete -c raext -n "__fish_raext_using_subcommand list" -s h -l help -d 'Print help'
complete -c raext -n "__fish_raext_using_subcommand stats" -l watch -d 'Print again every SECONDS seconds, with the change since the last round' -r
complete -c raext -n "__fish_raext_using_subcommand stats" -l count -d 'Stop after N rounds of --watch' -r
complete -c raext -n "__fish_raext_using_subcommand stats" -l timing -d 'Turn the timing of callbacks on or off' -r -f -a "on\t''
off\t''"
complete -c raext -n "__fish_raext_using_subcommand stats" -l json -d 'Print JSON, one line for each round. The counters are totals'
complete -c raext -n "__fish_raext_using_subcommand stats" -s h -l help -d 'Print help'
complete -c raext -n "__fish_raext_using_subcommand try" -s p -l policy -d 'The policy, with tunables after a colon: wide:limit_kb=8192 [default: none, the kernel\'s own readahead]' -r
complete -c raext -n "__fish_raext_using_subcommand try" -s d -l data -d 'Copy this folder (or file) onto the device. The command finds it at the same path. May be repeated' -r -F
complete -c raext -n "__fish_raext_using_subcommand try" -l device -d 'The device\'s latency and bandwidth: nvme (0.1 ms, 2 GB/s), cloud (1 ms, 200 MB/s) or disk (5 ms, 150 MB/s)' -r
complete -c raext -n "__fish_raext_using_subcommand try" -l fs -d 'The file system of the data: ext4, xfs, btrfs or overlay' -r
complete -c raext -n "__fish_raext_using_subcommand try" -l size -d 'Size of the device, such as 2G [default: the data and a quarter]' -r
complete -c raext -n "__fish_raext_using_subcommand try" -l memory -d 'Memory of the microVM, such as 4G. The device lies in it [default: enough for the device, to cache all data, and 1G]' -r
complete -c raext -n "__fish_raext_using_subcommand try" -l limit -d 'Memory of the command and its page cache, such as 256M (memory.max of its cgroup), at least 256K [default: no limit]' -r
complete -c raext -n "__fish_raext_using_subcommand try" -l read-ahead-kb -d 'Set the read_ahead_kb of the device to N instead of the kernel\'s default' -r
complete -c raext -n "__fish_raext_using_subcommand try" -l before -d 'Run this shell command first, without measuring it: it may make data or start a server. A folder of --data need not exist then. May be repeated' -r
complete -c raext -n "__fish_raext_using_subcommand try" -s e -l env -d 'Set a variable of the environment, beside this shell\'s. May be repeated' -r
complete -c raext -n "__fish_raext_using_subcommand try" -l timeout -d 'Kill the command after SECONDS seconds' -r
complete -c raext -n "__fish_raext_using_subcommand try" -l kernel -d 'Boot the newest kernel of this series ("6.18"; see `raext kernels`), or this kernel image [default: 6.12]' -r
complete -c raext -n "__fish_raext_using_subcommand try" -l json -d 'Also write the summary as JSON to this file ("-": to standard error, instead of the table)' -r -F
complete -c raext -n "__fish_raext_using_subcommand try" -l warm -d 'Do not drop the caches after the copy'
complete -c raext -n "__fish_raext_using_subcommand try" -l compare -d 'Run the command twice, each time on a fresh copy of the data: first with the kernel\'s own readahead. The output is that of the second run'
complete -c raext -n "__fish_raext_using_subcommand try" -l untested -d 'Accept a kernel of a series that the project is not tested on'
complete -c raext -n "__fish_raext_using_subcommand try" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c raext -n "__fish_raext_using_subcommand compare" -s p -l policy -d 'A policy, with tunables after a colon: wide:limit_kb=8192. May be repeated [default: auto, wide and lean]' -r
complete -c raext -n "__fish_raext_using_subcommand compare" -s w -l workload -d 'A workload. May be repeated [default: the first seven]' -r
complete -c raext -n "__fish_raext_using_subcommand compare" -l device -d 'The device\'s latency and bandwidth: nvme (0.1 ms, 2 GB/s), cloud (1 ms, 200 MB/s) or disk (5 ms, 150 MB/s)' -r
complete -c raext -n "__fish_raext_using_subcommand compare" -l fs -d 'The file system of the data: ext4, xfs, btrfs, overlay (the lower layer of one, on ext4) or raw (the block device itself)' -r
complete -c raext -n "__fish_raext_using_subcommand compare" -l repeat -d 'Number of runs of each pair' -r
complete -c raext -n "__fish_raext_using_subcommand compare" -l kernel -d 'Boot the newest kernel of this series ("6.18"; see `raext kernels`), or this kernel image [default: 6.12]' -r
complete -c raext -n "__fish_raext_using_subcommand compare" -l json -d 'Write the measurements as JSON to this file ("-": print them instead of the table)' -r -F
complete -c raext -n "__fish_raext_using_subcommand compare" -l html -d 'Write a page with charts to this file' -r -F
complete -c raext -n "__fish_raext_using_subcommand compare" -l untested -d 'Accept a kernel of a series that the project is not tested on'
complete -c raext -n "__fish_raext_using_subcommand compare" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c raext -n "__fish_raext_using_subcommand bench" -s p -l policy -d 'A policy, with tunables after a colon: wide:limit_kb=8192. May be repeated [default: auto, tree, wide and lean]' -r
complete -c raext -n "__fish_raext_using_subcommand bench" -s r -l row -d 'A row, by its name or as NAME@DEVICE/FS. May be repeated [default: all]. A complete row is measured again' -r
complete -c raext -n "__fish_raext_using_subcommand bench" -l device -d 'A device. May be repeated [default: disk]' -r
complete -c raext -n "__fish_raext_using_subcommand bench" -l fs -d 'A file system. May be repeated [default: ext4]' -r
complete -c raext -n "__fish_raext_using_subcommand bench" -l repeat -d 'Number of runs of each cell [default: 3]' -r
complete -c raext -n "__fish_raext_using_subcommand bench" -l svg -d 'With --show, also write a picture of ten rows to this file' -r -F
complete -c raext -n "__fish_raext_using_subcommand bench" -l out -d 'The folder of the measurements [default: build/bench]' -r -F
complete -c raext -n "__fish_raext_using_subcommand bench" -l kernel -d 'Boot the newest kernel of this series ("6.18"; see `raext kernels`), or this kernel image [default: 6.12]' -r
complete -c raext -n "__fish_raext_using_subcommand bench" -l all -d 'Measure every device, on ext4, xfs and btrfs. This takes hours'
complete -c raext -n "__fish_raext_using_subcommand bench" -l quick -d 'Run each cell once. Differences below a factor of two are not shown'
complete -c raext -n "__fish_raext_using_subcommand bench" -l no-cost -d 'Do not count the instructions of the policies\' decisions. With --row they are never counted'
complete -c raext -n "__fish_raext_using_subcommand bench" -l list -d 'Show the rows, the columns, the number of runs and the time that they may take. Measure nothing'
complete -c raext -n "__fish_raext_using_subcommand bench" -l show -d 'Show the stored measurements, and write table and page again. Measure nothing'
complete -c raext -n "__fish_raext_using_subcommand bench" -l fresh -d 'Delete the stored measurements first'
complete -c raext -n "__fish_raext_using_subcommand bench" -l untested -d 'Accept a kernel of a series that the project is not tested on'
complete -c raext -n "__fish_raext_using_subcommand bench" -s h -l help -d 'Print help'
complete -c raext -n "__fish_raext_using_subcommand cost" -l pairs -d 'Interleaved pairs of measurements, without and with the policy [default: 7; 40 of time]' -r
complete -c raext -n "__fish_raext_using_subcommand cost" -l kernel -d 'Boot the newest kernel of this series ("6.18"; see `raext kernels`), or this kernel image [default: 6.12]' -r
complete -c raext -n "__fish_raext_using_subcommand cost" -l time -d 'Measure wall time instead of counting instructions'
complete -c raext -n "__fish_raext_using_subcommand cost" -l untested -d 'Accept a kernel of a series that the project is not tested on'
complete -c raext -n "__fish_raext_using_subcommand cost" -s h -l help -d 'Print help'
complete -c raext -n "__fish_raext_using_subcommand record" -s o -l output -d 'Write the recording to this file' -r -F
complete -c raext -n "__fish_raext_using_subcommand record" -s w -l workload -d 'A workload. May be repeated [default: seq-read, random-read, mmap-seq and mmap-random]' -r
complete -c raext -n "__fish_raext_using_subcommand record" -l rounds -d 'Number of runs of each workload. The last round is not used for training: it tests the tree' -r
complete -c raext -n "__fish_raext_using_subcommand record" -l seed -d 'Seed of the first round\'s random offsets' -r
complete -c raext -n "__fish_raext_using_subcommand record" -l device -d 'The device\'s latency and bandwidth: nvme, cloud or disk' -r
complete -c raext -n "__fish_raext_using_subcommand record" -l fs -d 'The file system of the data: ext4, xfs, btrfs, overlay or raw' -r
complete -c raext -n "__fish_raext_using_subcommand record" -l kernel -d 'Boot the newest kernel of this series ("6.18"; see `raext kernels`), or this kernel image [default: 6.12]' -r
complete -c raext -n "__fish_raext_using_subcommand record" -l untested -d 'Accept a kernel of a series that the project is not tested on'
complete -c raext -n "__fish_raext_using_subcommand record" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c raext -n "__fish_raext_using_subcommand train" -s o -l output -d 'Write the tree to this file [default: policies/tree/src/tree.rs of the checkout]' -r -F
complete -c raext -n "__fish_raext_using_subcommand train" -s h -l help -d 'Print help'
complete -c raext -n "__fish_raext_using_subcommand kernels" -s h -l help -d 'Print help'
complete -c raext -n "__fish_raext_using_subcommand module; and not __fish_seen_subcommand_from build load unload help" -s h -l help -d 'Print help'
complete -c raext -n "__fish_raext_using_subcommand module; and not __fish_seen_subcommand_from build load unload help" -f -a "build" -d 'Build the module for the running kernel (needs its headers)'
complete -c raext -n "__fish_raext_using_subcommand module; and not __fish_seen_subcommand_from build load unload help" -f -a "load" -d 'Load the module that `build` made'
complete -c raext -n "__fish_raext_using_subcommand module; and not __fish_seen_subcommand_from build load unload help" -f -a "unload" -d 'Remove the module. Refused while a policy is attached'
complete -c raext -n "__fish_raext_using_subcommand module; and not __fish_seen_subcommand_from build load unload help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c raext -n "__fish_raext_using_subcommand module; and __fish_seen_subcommand_from build" -l untested -d 'Accept a kernel of a series that the project is not tested on'
complete -c raext -n "__fish_raext_using_subcommand module; and __fish_seen_subcommand_from build" -s h -l help -d 'Print help'
complete -c raext -n "__fish_raext_using_subcommand module; and __fish_seen_subcommand_from load" -s h -l help -d 'Print help'
complete -c raext -n "__fish_raext_using_subcommand module; and __fish_seen_subcommand_from unload" -s h -l help -d 'Print help'
complete -c raext -n "__fish_raext_using_subcommand module; and __fish_seen_subcommand_from help" -f -a "build" -d 'Build the module for the running kernel (needs its headers)'
complete -c raext -n "__fish_raext_using_subcommand module; and __fish_seen_subcommand_from help" -f -a "load" -d 'Load the module that `build` made'
complete -c raext -n "__fish_raext_using_subcommand module; and __fish_seen_subcommand_from help" -f -a "unload" -d 'Remove the module. Refused while a policy is attached'
complete -c raext -n "__fish_raext_using_subcommand module; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c raext -n "__fish_raext_using_subcommand policies" -s h -l help -d 'Print help'
complete -c raext -n "__fish_raext_using_subcommand man" -s o -l output -d 'Write the pages of all commands into this folder, such as /usr/local/share/man/man1' -r -F
complete -c raext -n "__fish_raext_using_subcommand man" -s h -l help -d 'Print help'
complete -c raext -n "__fish_raext_using_subcommand completions" -s h -l help -d 'Print help'
complete -c raext -n "__fish_raext_using_subcommand help; and not __fish_seen_subcommand_from new build check attach detach swap list stats try compare bench cost record train kernels module policies man completions help" -f -a "new" -d 'Create a policy of your own: a crate with tests'
complete -c raext -n "__fish_raext_using_subcommand help; and not __fish_seen_subcommand_from new build check attach detach swap list stats try compare bench cost record train kernels module policies man completions help" -f -a "build" -d 'Compile a policy, a Rust crate or a C file, into an object file'
complete -c raext -n "__fish_raext_using_subcommand help; and not __fish_seen_subcommand_from new build check attach detach swap list stats try compare bench cost record train kernels module policies man completions help" -f -a "check" -d 'Ask the kernel\'s verifier for its verdict, without attaching'
complete -c raext -n "__fish_raext_using_subcommand help; and not __fish_seen_subcommand_from new build check attach detach swap list stats try compare bench cost record train kernels module policies man completions help" -f -a "attach" -d 'Attach a policy on the running kernel'
complete -c raext -n "__fish_raext_using_subcommand help; and not __fish_seen_subcommand_from new build check attach detach swap list stats try compare bench cost record train kernels module policies man completions help" -f -a "detach" -d 'Detach a policy. The kernel\'s own readahead is back at once'
complete -c raext -n "__fish_raext_using_subcommand help; and not __fish_seen_subcommand_from new build check attach detach swap list stats try compare bench cost record train kernels module policies man completions help" -f -a "swap" -d 'Replace an attached policy by another one, without a gap'
complete -c raext -n "__fish_raext_using_subcommand help; and not __fish_seen_subcommand_from new build check attach detach swap list stats try compare bench cost record train kernels module policies man completions help" -f -a "list" -d 'Show the attached policies: scope, age, and the process that attached them'
complete -c raext -n "__fish_raext_using_subcommand help; and not __fish_seen_subcommand_from new build check attach detach swap list stats try compare bench cost record train kernels module policies man completions help" -f -a "stats" -d 'Show the counters of the attached policies, event by event'
complete -c raext -n "__fish_raext_using_subcommand help; and not __fish_seen_subcommand_from new build check attach detach swap list stats try compare bench cost record train kernels module policies man completions help" -f -a "try" -d 'Run a command of this machine in a microVM, under a policy'
complete -c raext -n "__fish_raext_using_subcommand help; and not __fish_seen_subcommand_from new build check attach detach swap list stats try compare bench cost record train kernels module policies man completions help" -f -a "compare" -d 'Measure policies against the kernel\'s own readahead, in a microVM'
complete -c raext -n "__fish_raext_using_subcommand help; and not __fish_seen_subcommand_from new build check attach detach swap list stats try compare bench cost record train kernels module policies man completions help" -f -a "bench" -d 'Run the whole benchmark: policies against the kernel\'s default, every fixed read_ahead_kb, the best of these with hindsight, and the floor'
complete -c raext -n "__fish_raext_using_subcommand help; and not __fish_seen_subcommand_from new build check attach detach swap list stats try compare bench cost record train kernels module policies man completions help" -f -a "cost" -d 'Measure the cost of an attached policy, in instructions, in a microVM'
complete -c raext -n "__fish_raext_using_subcommand help; and not __fish_seen_subcommand_from new build check attach detach swap list stats try compare bench cost record train kernels module policies man completions help" -f -a "record" -d 'Record accesses and decisions of workloads in a microVM, as input of `train`'
complete -c raext -n "__fish_raext_using_subcommand help; and not __fish_seen_subcommand_from new build check attach detach swap list stats try compare bench cost record train kernels module policies man completions help" -f -a "train" -d 'Train the decision tree of the policy `tree` from a recording'
complete -c raext -n "__fish_raext_using_subcommand help; and not __fish_seen_subcommand_from new build check attach detach swap list stats try compare bench cost record train kernels module policies man completions help" -f -a "kernels" -d 'Show the kernels for the microVM: which are available, which are tested'
complete -c raext -n "__fish_raext_using_subcommand help; and not __fish_seen_subcommand_from new build check attach detach swap list stats try compare bench cost record train kernels module policies man completions help" -f -a "module" -d 'Build, load or remove the kernel module of the running kernel'
complete -c raext -n "__fish_raext_using_subcommand help; and not __fish_seen_subcommand_from new build check attach detach swap list stats try compare bench cost record train kernels module policies man completions help" -f -a "policies" -d 'Show the shipped policies and their tunables'
complete -c raext -n "__fish_raext_using_subcommand help; and not __fish_seen_subcommand_from new build check attach detach swap list stats try compare bench cost record train kernels module policies man completions help" -f -a "man" -d 'Print the man page of raext or of one of its commands'
complete -c raext -n "__fish_raext_using_subcommand help; and not __fish_seen_subcommand_from new build check attach detach swap list stats try compare bench cost record train kernels module policies man completions help" -f -a "completions" -d 'Print the completions for a shell'
complete -c raext -n "__fish_raext_using_subcommand help; and not __fish_seen_subcommand_from new build check attach detach swap list stats try compare bench cost record train kernels module policies man completions help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c raext -n "__fish_raext_using_subcommand help; and __fish_seen_subcommand_from module" -f -a "build" -d 'Build the module for the running kernel (needs its headers)'
complete -c raext -n "__fish_raext_using_subcommand help; and __fish_seen_subcommand_from module" -f -a "load" -d 'Load the module that `build` made'
complete -c raext -n "__fish_raext_using_subcommand help; and __fish_seen_subcommand_from module" -f -a "unload" -d 'Remove the module. Refused while a policy is attached'
