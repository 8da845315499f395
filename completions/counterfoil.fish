# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_counterfoil_global_optspecs
    string join \n h/help V/version
end

function __fish_counterfoil_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_counterfoil_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_counterfoil_using_subcommand
    set -l cmd (__fish_counterfoil_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c counterfoil -n "__fish_counterfoil_needs_command" -s h -l help -d 'Print help'
complete -c counterfoil -n "__fish_counterfoil_needs_command" -s V -l version -d 'Print version'
complete -c counterfoil -n "__fish_counterfoil_needs_command" -f -a "run" -d 'Run scenarios against the embedded mock provider'
complete -c counterfoil -n "__fish_counterfoil_needs_command" -f -a "test" -d 'Test something of yours'
complete -c counterfoil -n "__fish_counterfoil_needs_command" -f -a "init" -d 'Look at the repository of a plugin, show the files of a gate, and write them'
complete -c counterfoil -n "__fish_counterfoil_needs_command" -f -a "explore" -d 'Make up plans and faults, look for one that breaks a rule, and write down the smallest that does'
complete -c counterfoil -n "__fish_counterfoil_needs_command" -f -a "validate" -d 'Check scenario files without running them'
complete -c counterfoil -n "__fish_counterfoil_needs_command" -f -a "list" -d 'List scenarios and the revisions at which they run'
complete -c counterfoil -n "__fish_counterfoil_needs_command" -f -a "schema" -d 'Print the JSON Schema of a format, for editors'
complete -c counterfoil -n "__fish_counterfoil_needs_command" -f -a "judge" -d 'Judge a saved trace again'
complete -c counterfoil -n "__fish_counterfoil_needs_command" -f -a "rules" -d 'List the rules'
complete -c counterfoil -n "__fish_counterfoil_needs_command" -f -a "explain" -d 'Say everything about a rule'
complete -c counterfoil -n "__fish_counterfoil_needs_command" -f -a "mutants" -d 'Run every broken engine, decoder, provider, manifest and process, and print which rules found it'
complete -c counterfoil -n "__fish_counterfoil_needs_command" -f -a "vectors" -d 'List binary vectors for the tests of decoders in any language, or write them to files'
complete -c counterfoil -n "__fish_counterfoil_needs_command" -f -a "report" -d 'Compare reports of runs'
complete -c counterfoil -n "__fish_counterfoil_needs_command" -f -a "evidence" -d 'Show what is kept of a test, and hold it against its artefact'
complete -c counterfoil -n "__fish_counterfoil_needs_command" -f -a "cutover" -d 'Say whether repositories can be released together: go or no-go, with the evidence behind it (docs/cutover.md)'
complete -c counterfoil -n "__fish_counterfoil_needs_command" -f -a "contract" -d 'Show, compare and check the contract'
complete -c counterfoil -n "__fish_counterfoil_needs_command" -f -a "mock" -d 'Serve or install a mock provider as a plugin of the engine'
complete -c counterfoil -n "__fish_counterfoil_needs_command" -f -a "adapter" -d 'Be the adapter of something of ours, as `test engine` and `test decoder` start it'
complete -c counterfoil -n "__fish_counterfoil_needs_command" -f -a "proxy" -d 'Put a plugin of the engine behind another that passes everything on'
complete -c counterfoil -n "__fish_counterfoil_needs_command" -f -a "stand-in" -d 'Stand in for something that is not ours'
complete -c counterfoil -n "__fish_counterfoil_needs_command" -f -a "record" -d 'Make a scenario to start from of what a proxy has recorded'
complete -c counterfoil -n "__fish_counterfoil_needs_command" -f -a "completions" -d 'Print what a shell needs to complete this command line'
complete -c counterfoil -n "__fish_counterfoil_needs_command" -f -a "man" -d 'Write the man pages'
complete -c counterfoil -n "__fish_counterfoil_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand run" -s f -l filter -d 'Leave only what matches: GLOB or GLOB@REVISIONS for ids, tag:GLOB, rule:ID, revision:RANGE. Repeated terms of one kind are alternatives, different kinds must all match' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand run" -s j -l jobs -d 'How many scenarios run at once [default: as many as there are processors; 1 for a plugin; as many as an adapter takes]' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand run" -l strict -d 'Findings of level SHOULD fail too' -r -f -a "true\t''
false\t''"
complete -c counterfoil -n "__fish_counterfoil_using_subcommand run" -l keep-traces -d 'Keep the trace of every run that did not pass, as DIR/ID@REVISION.jsonl' -r -F
complete -c counterfoil -n "__fish_counterfoil_using_subcommand run" -l report -d 'Write a report beside the terminal\'s, or several, with commas between them: json, junit, sarif, tap or html with its file, or github (annotations on standard output, and the job\'s summary); may be repeated' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand run" -l partition -d 'Run one part of several, such as 2/5; auto or auto/M: the part that GitLab\'s `parallel` or an indexed job of Kubernetes says. `report merge` puts the JSON reports of all parts together' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand run" -l known-failures -d 'A list of failures that are known: these fail nothing, as long as they fail exactly as listed' -r -F
complete -c counterfoil -n "__fish_counterfoil_using_subcommand run" -l settings -d 'The settings of the repository, which options win over [default: counterfoil.yaml in the current directory, where there is one]' -r -F
complete -c counterfoil -n "__fish_counterfoil_using_subcommand run" -l mutant -d 'Run a broken engine, decoder or provider in place of the reference (`counterfoil mutants --list` has them)' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand run" -l fail-fast -d 'Begin nothing new after the first failure'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand run" -l update-known-failures -d 'Rewrite that list by what the run finds: messages that changed are pinned anew, what passes is taken out, new failures are added for you to fill in. The exit code is that of the list as it was'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand run" -l no-settings -d 'Take no settings from a file'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand run" -s h -l help -d 'Print help'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and not __fish_seen_subcommand_from provider engine wfctl decoder help" -s h -l help -d 'Print help'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and not __fish_seen_subcommand_from provider engine wfctl decoder help" -f -a "provider" -d 'Test a provider plugin: start it as the engine does, load it, and run every scenario that can tell something of it. Nothing behind which a cloud stands is called without --live'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and not __fish_seen_subcommand_from provider engine wfctl decoder help" -f -a "engine" -d 'Test an engine in any language: give its adapter every scenario that can reach it, play the provider that it calls, and judge what it says and what it did (docs/adapter.md)'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and not __fish_seen_subcommand_from provider engine wfctl decoder help" -f -a "wfctl" -d 'Test the engine\'s own command line: have it apply what scenarios plan, in front of the mock provider and through the proxy, and judge its calls, its state files and what it prints (docs/engine.md)'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and not __fish_seen_subcommand_from provider engine wfctl decoder help" -f -a "decoder" -d 'Test a decoder in any language: give its adapter every binary vector at every revision, and messages made of them, and judge what it accepts and what it refuses (docs/adapter.md)'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and not __fish_seen_subcommand_from provider engine wfctl decoder help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from provider" -l build -d 'Build the plugin first: a command for the shell, run in PATH, which is a checkout then' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from provider" -l attach -d 'Connect to a plugin that runs already, at unix:PATH or tcp:HOST:PORT, and leave it running' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from provider" -l config -d 'The config that Initialize is given, a YAML or JSON file [default: placeholders that reach no cloud, where the plugin is known by name]' -r -F
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from provider" -l secret -d 'A value of the config that must never show, by its dotted path; may be repeated. Left out: whatever looks like one by its name' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from provider" -l env -d 'Pass a variable of the environment on to the plugin, and to references in its config; may be repeated' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from provider" -l mtls -d 'Ask the plugin for AutoMTLS, which the engine itself does not' -r -f -a "true\t''
false\t''"
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from provider" -l reflect -d 'Compare what the plugin says of itself by gRPC\'s server reflection with the contract' -r -f -a "true\t''
false\t''"
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from provider" -l start-deadline -d 'How long the plugin may take to print its handshake line [default: 60s]' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from provider" -l call-deadline -d 'How long a call may take [default: 30s]' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from provider" -l revisions -d 'The revisions at which it is tested [default: from the minEngineVersion of its plugin.json to the newest]' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from provider" -l scenario -d 'Scenario files and directories to run in place of the stock scenarios; may be repeated' -r -F
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from provider" -s f -l filter -d 'Leave only the runs that match, as `run --filter` does; may be repeated' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from provider" -s j -l jobs -d 'How many scenarios run at once [default: as many as there are processors; 1 for a plugin; as many as an adapter takes]' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from provider" -l strict -d 'Findings of level SHOULD fail too' -r -f -a "true\t''
false\t''"
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from provider" -l keep-traces -d 'Keep the trace of every run that did not pass, as DIR/ID@REVISION.jsonl' -r -F
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from provider" -l report -d 'Write a report beside the terminal\'s, or several, with commas between them: json, junit, sarif, tap or html with its file, or github (annotations on standard output, and the job\'s summary); may be repeated' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from provider" -l partition -d 'Run one part of several, such as 2/5; auto or auto/M: the part that GitLab\'s `parallel` or an indexed job of Kubernetes says. `report merge` puts the JSON reports of all parts together' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from provider" -l known-failures -d 'A list of failures that are known: these fail nothing, as long as they fail exactly as listed' -r -F
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from provider" -l evidence -d 'Keep what was tested and what came of it in this file, which `counterfoil evidence verify` holds against its artefact' -r -F
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from provider" -l evidence-format -d 'The form of the evidence' -r -f -a "counterfoil\t'What can be verified'
wfctl\t'That of the engine\'s own compatibility evidence, for its registry'"
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from provider" -l settings -d 'The settings of the repository, which options win over [default: counterfoil.yaml in the current directory, where there is one]' -r -F
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from provider" -l live -d 'Let the plugin reach its cloud, and change it'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from provider" -l fail-fast -d 'Begin nothing new after the first failure'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from provider" -l update-known-failures -d 'Rewrite that list by what the run finds: messages that changed are pinned anew, what passes is taken out, new failures are added for you to fill in. The exit code is that of the list as it was'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from provider" -l no-settings -d 'Take no settings from a file'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from provider" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from engine" -l scenario -d 'Scenario files and directories to run in place of the stock scenarios; may be repeated' -r -F
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from engine" -s f -l filter -d 'Leave only the runs that match, as `run --filter` does; may be repeated' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from engine" -s j -l jobs -d 'How many scenarios run at once [default: as many as there are processors; 1 for a plugin; as many as an adapter takes]' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from engine" -l strict -d 'Findings of level SHOULD fail too' -r -f -a "true\t''
false\t''"
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from engine" -l keep-traces -d 'Keep the trace of every run that did not pass, as DIR/ID@REVISION.jsonl' -r -F
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from engine" -l report -d 'Write a report beside the terminal\'s, or several, with commas between them: json, junit, sarif, tap or html with its file, or github (annotations on standard output, and the job\'s summary); may be repeated' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from engine" -l partition -d 'Run one part of several, such as 2/5; auto or auto/M: the part that GitLab\'s `parallel` or an indexed job of Kubernetes says. `report merge` puts the JSON reports of all parts together' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from engine" -l known-failures -d 'A list of failures that are known: these fail nothing, as long as they fail exactly as listed' -r -F
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from engine" -l evidence -d 'Keep what was tested and what came of it in this file, which `counterfoil evidence verify` holds against its artefact' -r -F
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from engine" -l env -d 'Pass a variable of the environment on to the adapter, beside PATH and HOME; may be repeated' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from engine" -l start-deadline -d 'How long the adapter may take until it is ready' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from engine" -l case-deadline -d 'How long a case may take' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from engine" -l fail-fast -d 'Begin nothing new after the first failure'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from engine" -l update-known-failures -d 'Rewrite that list by what the run finds: messages that changed are pinned anew, what passes is taken out, new failures are added for you to fill in. The exit code is that of the list as it was'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from engine" -s h -l help -d 'Print help'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from wfctl" -l plugin -d 'Apply by this plugin instead of the mock provider: its program, the directory that holds plugin.json and the program, or a release archive (.tar.gz). What could change something, the proxy answers in its place' -r -F
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from wfctl" -l config -d 'The config that the plugin\'s Initialize is given, a YAML or JSON file [default: placeholders that reach no cloud, where the plugin is known by name]' -r -F
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from wfctl" -l type -d 'The type of all resources in front of the plugin [default: the first of its Capabilities]' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from wfctl" -l revision -d 'The revision of the engine, by name, alias or engine version [default: by what `CMD version` prints; the newest where that is no release]' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from wfctl" -l env -d 'Pass a variable of the environment on to the command line, beside PATH; may be repeated' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from wfctl" -l deadline -d 'How long an apply may take' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from wfctl" -l scenario -d 'Scenario files and directories to run in place of the stock scenarios; may be repeated' -r -F
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from wfctl" -s f -l filter -d 'Leave only the runs that match, as `run --filter` does; may be repeated' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from wfctl" -s j -l jobs -d 'How many scenarios run at once [default: as many as there are processors; 1 for a plugin; as many as an adapter takes]' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from wfctl" -l strict -d 'Findings of level SHOULD fail too' -r -f -a "true\t''
false\t''"
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from wfctl" -l keep-traces -d 'Keep the trace of every run that did not pass, as DIR/ID@REVISION.jsonl' -r -F
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from wfctl" -l report -d 'Write a report beside the terminal\'s, or several, with commas between them: json, junit, sarif, tap or html with its file, or github (annotations on standard output, and the job\'s summary); may be repeated' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from wfctl" -l partition -d 'Run one part of several, such as 2/5; auto or auto/M: the part that GitLab\'s `parallel` or an indexed job of Kubernetes says. `report merge` puts the JSON reports of all parts together' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from wfctl" -l known-failures -d 'A list of failures that are known: these fail nothing, as long as they fail exactly as listed' -r -F
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from wfctl" -l evidence -d 'Keep what was tested and what came of it in this file, which `counterfoil evidence verify` holds against its artefact' -r -F
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from wfctl" -l live -d 'Let the plugin reach its cloud, and change it'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from wfctl" -l fail-fast -d 'Begin nothing new after the first failure'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from wfctl" -l update-known-failures -d 'Rewrite that list by what the run finds: messages that changed are pinned anew, what passes is taken out, new failures are added for you to fill in. The exit code is that of the list as it was'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from wfctl" -s h -l help -d 'Print help'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from decoder" -l made-up -d 'How many messages are made up beside the vectors' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from decoder" -l seed -d 'Where messages that are made up come from: the same seed and version make the same' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from decoder" -l scenario -d 'Scenario files and directories in place of the vectors: those that script a reply to `Apply`; may be repeated' -r -F
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from decoder" -s f -l filter -d 'Leave only the runs that match, as `run --filter` does; may be repeated. Runs are named by their vectors' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from decoder" -s j -l jobs -d 'How many scenarios run at once [default: as many as there are processors; 1 for a plugin; as many as an adapter takes]' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from decoder" -l strict -d 'Findings of level SHOULD fail too' -r -f -a "true\t''
false\t''"
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from decoder" -l keep-traces -d 'Keep the trace of every run that did not pass, as DIR/ID@REVISION.jsonl' -r -F
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from decoder" -l report -d 'Write a report beside the terminal\'s, or several, with commas between them: json, junit, sarif, tap or html with its file, or github (annotations on standard output, and the job\'s summary); may be repeated' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from decoder" -l partition -d 'Run one part of several, such as 2/5; auto or auto/M: the part that GitLab\'s `parallel` or an indexed job of Kubernetes says. `report merge` puts the JSON reports of all parts together' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from decoder" -l known-failures -d 'A list of failures that are known: these fail nothing, as long as they fail exactly as listed' -r -F
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from decoder" -l evidence -d 'Keep what was tested and what came of it in this file, which `counterfoil evidence verify` holds against its artefact' -r -F
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from decoder" -l env -d 'Pass a variable of the environment on to the adapter, beside PATH and HOME; may be repeated' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from decoder" -l start-deadline -d 'How long the adapter may take until it is ready' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from decoder" -l case-deadline -d 'How long a case may take' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from decoder" -l fail-fast -d 'Begin nothing new after the first failure'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from decoder" -l update-known-failures -d 'Rewrite that list by what the run finds: messages that changed are pinned anew, what passes is taken out, new failures are added for you to fill in. The exit code is that of the list as it was'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from decoder" -s h -l help -d 'Print help'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from help" -f -a "provider" -d 'Test a provider plugin: start it as the engine does, load it, and run every scenario that can tell something of it. Nothing behind which a cloud stands is called without --live'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from help" -f -a "engine" -d 'Test an engine in any language: give its adapter every scenario that can reach it, play the provider that it calls, and judge what it says and what it did (docs/adapter.md)'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from help" -f -a "wfctl" -d 'Test the engine\'s own command line: have it apply what scenarios plan, in front of the mock provider and through the proxy, and judge its calls, its state files and what it prints (docs/engine.md)'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from help" -f -a "decoder" -d 'Test a decoder in any language: give its adapter every binary vector at every revision, and messages made of them, and judge what it accepts and what it refuses (docs/adapter.md)'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand test; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand init" -l plugin -d 'The plugin.json that is meant, or its directory [default: the one here or in cmd/*/]' -r -F
complete -c counterfoil -n "__fish_counterfoil_using_subcommand init" -l ci -d 'For which CI a file is written [default: by what is there; github where nothing is]' -r -f -a "github\t'A workflow for GitHub Actions'
gitlab\t'A file for GitLab to include'
none\t'Only counterfoil.yaml'"
complete -c counterfoil -n "__fish_counterfoil_using_subcommand init" -l action -d 'Where Counterfoil\'s GitHub action lies, OWNER/NAME/PATH@REF' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand init" -s y -l yes -d 'Write without asking'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand init" -l dry-run -d 'Show what would be written, and write nothing'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand init" -l force -d 'Write over files that are there already'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand init" -l baseline -d 'Then run the gate once, and list what fails in known-failures.yaml, for you to say why, who sees to it, and until when. The exit code is that of the run'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand init" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand explore; and not __fish_seen_subcommand_from provider engine decoder help" -s h -l help -d 'Print help'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand explore; and not __fish_seen_subcommand_from provider engine decoder help" -f -a "provider" -d 'Look for plans and faults in which a plugin of yours breaks the contract; without a plugin, our own mock provider'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand explore; and not __fish_seen_subcommand_from provider engine decoder help" -f -a "engine" -d 'Look for plans and faults in which an engine of yours breaks the contract, behind its adapter; without one, the reference engine, or a broken one'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand explore; and not __fish_seen_subcommand_from provider engine decoder help" -f -a "decoder" -d 'Look for replies of which a decoder of yours makes what it must not, behind its adapter; without one, the strict decoder, or a broken one'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand explore; and not __fish_seen_subcommand_from provider engine decoder help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand explore; and __fish_seen_subcommand_from provider" -l build -d 'Build the plugin first: a command for the shell, run in PATH, which is a checkout then' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand explore; and __fish_seen_subcommand_from provider" -l attach -d 'Connect to a plugin that runs already, at unix:PATH or tcp:HOST:PORT, and leave it running' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand explore; and __fish_seen_subcommand_from provider" -l config -d 'The config that Initialize is given, a YAML or JSON file [default: placeholders that reach no cloud, where the plugin is known by name]' -r -F
complete -c counterfoil -n "__fish_counterfoil_using_subcommand explore; and __fish_seen_subcommand_from provider" -l secret -d 'A value of the config that must never show, by its dotted path; may be repeated. Left out: whatever looks like one by its name' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand explore; and __fish_seen_subcommand_from provider" -l env -d 'Pass a variable of the environment on to the plugin, and to references in its config; may be repeated' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand explore; and __fish_seen_subcommand_from provider" -l mtls -d 'Ask the plugin for AutoMTLS, which the engine itself does not' -r -f -a "true\t''
false\t''"
complete -c counterfoil -n "__fish_counterfoil_using_subcommand explore; and __fish_seen_subcommand_from provider" -l reflect -d 'Compare what the plugin says of itself by gRPC\'s server reflection with the contract' -r -f -a "true\t''
false\t''"
complete -c counterfoil -n "__fish_counterfoil_using_subcommand explore; and __fish_seen_subcommand_from provider" -l start-deadline -d 'How long the plugin may take to print its handshake line [default: 60s]' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand explore; and __fish_seen_subcommand_from provider" -l call-deadline -d 'How long a call may take [default: 30s]' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand explore; and __fish_seen_subcommand_from provider" -l mutant -d 'Explore a broken engine or decoder in place of the reference (`counterfoil mutants --list` has them)' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand explore; and __fish_seen_subcommand_from provider" -l cases -d 'How many cases are run at most' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand explore; and __fish_seen_subcommand_from provider" -l time -d 'How long it may take, such as `5m`, and at most `60m`; what is found is made smaller beside that' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand explore; and __fish_seen_subcommand_from provider" -l seed -d 'Where everything that is made up comes from: the same seed, version and subject find the same' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand explore; and __fish_seen_subcommand_from provider" -l into -d 'Where scenarios go that were found' -r -F
complete -c counterfoil -n "__fish_counterfoil_using_subcommand explore; and __fish_seen_subcommand_from provider" -l map -d 'Write where it went as a page: how often each corner was reached, and with which outcomes' -r -F
complete -c counterfoil -n "__fish_counterfoil_using_subcommand explore; and __fish_seen_subcommand_from provider" -s j -l jobs -d 'How many cases run at once [default: as many as there are processors]' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand explore; and __fish_seen_subcommand_from provider" -l live -d 'Let the plugin reach its cloud, and change it'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand explore; and __fish_seen_subcommand_from provider" -l strict -d 'Findings of level SHOULD count too'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand explore; and __fish_seen_subcommand_from provider" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand explore; and __fish_seen_subcommand_from engine" -l env -d 'Pass a variable of the environment on to the adapter, beside PATH and HOME; may be repeated' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand explore; and __fish_seen_subcommand_from engine" -l start-deadline -d 'How long the adapter may take until it is ready' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand explore; and __fish_seen_subcommand_from engine" -l case-deadline -d 'How long a case may take' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand explore; and __fish_seen_subcommand_from engine" -l mutant -d 'Explore a broken engine or decoder in place of the reference (`counterfoil mutants --list` has them)' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand explore; and __fish_seen_subcommand_from engine" -l cases -d 'How many cases are run at most' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand explore; and __fish_seen_subcommand_from engine" -l time -d 'How long it may take, such as `5m`, and at most `60m`; what is found is made smaller beside that' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand explore; and __fish_seen_subcommand_from engine" -l seed -d 'Where everything that is made up comes from: the same seed, version and subject find the same' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand explore; and __fish_seen_subcommand_from engine" -l into -d 'Where scenarios go that were found' -r -F
complete -c counterfoil -n "__fish_counterfoil_using_subcommand explore; and __fish_seen_subcommand_from engine" -l map -d 'Write where it went as a page: how often each corner was reached, and with which outcomes' -r -F
complete -c counterfoil -n "__fish_counterfoil_using_subcommand explore; and __fish_seen_subcommand_from engine" -s j -l jobs -d 'How many cases run at once [default: as many as there are processors]' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand explore; and __fish_seen_subcommand_from engine" -l strict -d 'Findings of level SHOULD count too'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand explore; and __fish_seen_subcommand_from engine" -s h -l help -d 'Print help'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand explore; and __fish_seen_subcommand_from decoder" -l env -d 'Pass a variable of the environment on to the adapter, beside PATH and HOME; may be repeated' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand explore; and __fish_seen_subcommand_from decoder" -l start-deadline -d 'How long the adapter may take until it is ready' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand explore; and __fish_seen_subcommand_from decoder" -l case-deadline -d 'How long a case may take' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand explore; and __fish_seen_subcommand_from decoder" -l mutant -d 'Explore a broken engine or decoder in place of the reference (`counterfoil mutants --list` has them)' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand explore; and __fish_seen_subcommand_from decoder" -l cases -d 'How many cases are run at most' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand explore; and __fish_seen_subcommand_from decoder" -l time -d 'How long it may take, such as `5m`, and at most `60m`; what is found is made smaller beside that' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand explore; and __fish_seen_subcommand_from decoder" -l seed -d 'Where everything that is made up comes from: the same seed, version and subject find the same' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand explore; and __fish_seen_subcommand_from decoder" -l into -d 'Where scenarios go that were found' -r -F
complete -c counterfoil -n "__fish_counterfoil_using_subcommand explore; and __fish_seen_subcommand_from decoder" -l map -d 'Write where it went as a page: how often each corner was reached, and with which outcomes' -r -F
complete -c counterfoil -n "__fish_counterfoil_using_subcommand explore; and __fish_seen_subcommand_from decoder" -s j -l jobs -d 'How many cases run at once [default: as many as there are processors]' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand explore; and __fish_seen_subcommand_from decoder" -l strict -d 'Findings of level SHOULD count too'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand explore; and __fish_seen_subcommand_from decoder" -s h -l help -d 'Print help'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand explore; and __fish_seen_subcommand_from help" -f -a "provider" -d 'Look for plans and faults in which a plugin of yours breaks the contract; without a plugin, our own mock provider'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand explore; and __fish_seen_subcommand_from help" -f -a "engine" -d 'Look for plans and faults in which an engine of yours breaks the contract, behind its adapter; without one, the reference engine, or a broken one'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand explore; and __fish_seen_subcommand_from help" -f -a "decoder" -d 'Look for replies of which a decoder of yours makes what it must not, behind its adapter; without one, the strict decoder, or a broken one'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand explore; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand validate" -s h -l help -d 'Print help'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand list" -s f -l filter -d 'Leave only what matches: GLOB or GLOB@REVISIONS for ids, tag:GLOB, rule:ID, revision:RANGE. Repeated terms of one kind are alternatives, different kinds must all match' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand list" -s h -l help -d 'Print help'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand schema" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand judge" -l strict -d 'Findings of level SHOULD fail too'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand judge" -s h -l help -d 'Print help'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand rules" -s h -l help -d 'Print help'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand explain" -s h -l help -d 'Print help'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand mutants" -l only -d 'Run this one alone, and print what each rule says of it. Can be given more than once' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand mutants" -l list -d 'Only list them, with the rules that have to find each (`run --mutant` runs one)'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand mutants" -l behind-adapters -d 'Run the broken engines behind adapters instead, as engines of others are tested'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand mutants" -s h -l help -d 'Print help'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand vectors" -l into -d 'Write them into this directory, a file of JSON lines for each topic; it is made where it is missing' -r -F
complete -c counterfoil -n "__fish_counterfoil_using_subcommand vectors" -s h -l help -d 'Print help'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand report; and not __fish_seen_subcommand_from diff merge help" -s h -l help -d 'Print help'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand report; and not __fish_seen_subcommand_from diff merge help" -f -a "diff" -d 'Compare two runs: verdicts and findings that are gained or lost, and calls that are others'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand report; and not __fish_seen_subcommand_from diff merge help" -f -a "merge" -d 'Make one run again of the reports of its parts, or of what a run left that was killed'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand report; and not __fish_seen_subcommand_from diff merge help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand report; and __fish_seen_subcommand_from diff" -s h -l help -d 'Print help'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand report; and __fish_seen_subcommand_from merge" -l report -d 'Write a report beside the terminal\'s, as `run --report` does; may be repeated' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand report; and __fish_seen_subcommand_from merge" -s h -l help -d 'Print help'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand report; and __fish_seen_subcommand_from help" -f -a "diff" -d 'Compare two runs: verdicts and findings that are gained or lost, and calls that are others'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand report; and __fish_seen_subcommand_from help" -f -a "merge" -d 'Make one run again of the reports of its parts, or of what a run left that was killed'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand report; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand evidence; and not __fish_seen_subcommand_from show verify help" -s h -l help -d 'Print help'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand evidence; and not __fish_seen_subcommand_from show verify help" -f -a "show" -d 'Show what evidence says'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand evidence; and not __fish_seen_subcommand_from show verify help" -f -a "verify" -d 'Hold evidence against what it is said to be about'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand evidence; and not __fish_seen_subcommand_from show verify help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand evidence; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand evidence; and __fish_seen_subcommand_from verify" -l scenario -d 'The scenario files and directories that were given to the test in place of the stock scenarios; may be repeated' -r -F
complete -c counterfoil -n "__fish_counterfoil_using_subcommand evidence; and __fish_seen_subcommand_from verify" -s h -l help -d 'Print help'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand evidence; and __fish_seen_subcommand_from help" -f -a "show" -d 'Show what evidence says'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand evidence; and __fish_seen_subcommand_from help" -f -a "verify" -d 'Hold evidence against what it is said to be about'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand evidence; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand cutover; and not __fish_seen_subcommand_from freeze rollback bundle help" -l lock -d 'The lock of the release [default: beside its file, release.lock.json for release.yaml]' -r -F
complete -c counterfoil -n "__fish_counterfoil_using_subcommand cutover; and not __fish_seen_subcommand_from freeze rollback bundle help" -l json -d 'Write the answer to this file, as JSON' -r -F
complete -c counterfoil -n "__fish_counterfoil_using_subcommand cutover; and not __fish_seen_subcommand_from freeze rollback bundle help" -l html -d 'Write the answer to this file, as a page for a browser' -r -F
complete -c counterfoil -n "__fish_counterfoil_using_subcommand cutover; and not __fish_seen_subcommand_from freeze rollback bundle help" -l afresh -d 'Find out everything anew, whatever was found out before'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand cutover; and not __fish_seen_subcommand_from freeze rollback bundle help" -l explain -d 'Say what would make it go, and what holds'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand cutover; and not __fish_seen_subcommand_from freeze rollback bundle help" -s h -l help -d 'Print help'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand cutover; and not __fish_seen_subcommand_from freeze rollback bundle help" -a "freeze" -d 'Lock what was judged, unless the answer is no-go: a later change of it is no-go'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand cutover; and not __fish_seen_subcommand_from freeze rollback bundle help" -a "rollback" -d 'Say what is left of each pair when what is public is withdrawn'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand cutover; and not __fish_seen_subcommand_from freeze rollback bundle help" -a "bundle" -d 'Keep the answer, the lock, the evidence and the waivers in a directory, with the text of an issue for each repository that owes something. Nothing is posted'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand cutover; and not __fish_seen_subcommand_from freeze rollback bundle help" -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand cutover; and __fish_seen_subcommand_from freeze" -l lock -d 'The lock of the release [default: beside its file, release.lock.json for release.yaml]' -r -F
complete -c counterfoil -n "__fish_counterfoil_using_subcommand cutover; and __fish_seen_subcommand_from freeze" -l afresh -d 'Find out everything anew, whatever was found out before'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand cutover; and __fish_seen_subcommand_from freeze" -s h -l help -d 'Print help'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand cutover; and __fish_seen_subcommand_from rollback" -l withdraw -d 'Withdraw this member, by its name; may be repeated. Left out: every way back is told' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand cutover; and __fish_seen_subcommand_from rollback" -l state -d 'A state directory that the new engine wrote, to see whether the one of before can read it' -r -F
complete -c counterfoil -n "__fish_counterfoil_using_subcommand cutover; and __fish_seen_subcommand_from rollback" -l lock -d 'The lock of the release [default: beside its file, release.lock.json for release.yaml]' -r -F
complete -c counterfoil -n "__fish_counterfoil_using_subcommand cutover; and __fish_seen_subcommand_from rollback" -l afresh -d 'Find out everything anew, whatever was found out before'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand cutover; and __fish_seen_subcommand_from rollback" -s h -l help -d 'Print help'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand cutover; and __fish_seen_subcommand_from bundle" -l into -d 'The directory, which is empty or does not exist yet' -r -F
complete -c counterfoil -n "__fish_counterfoil_using_subcommand cutover; and __fish_seen_subcommand_from bundle" -l lock -d 'The lock of the release [default: beside its file, release.lock.json for release.yaml]' -r -F
complete -c counterfoil -n "__fish_counterfoil_using_subcommand cutover; and __fish_seen_subcommand_from bundle" -l afresh -d 'Find out everything anew, whatever was found out before'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand cutover; and __fish_seen_subcommand_from bundle" -s h -l help -d 'Print help'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand cutover; and __fish_seen_subcommand_from help" -f -a "freeze" -d 'Lock what was judged, unless the answer is no-go: a later change of it is no-go'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand cutover; and __fish_seen_subcommand_from help" -f -a "rollback" -d 'Say what is left of each pair when what is public is withdrawn'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand cutover; and __fish_seen_subcommand_from help" -f -a "bundle" -d 'Keep the answer, the lock, the evidence and the waivers in a directory, with the text of an issue for each repository that owes something. Nothing is posted'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand cutover; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand contract; and not __fish_seen_subcommand_from show diff check help" -s h -l help -d 'Print help'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand contract; and not __fish_seen_subcommand_from show diff check help" -f -a "show" -d 'Show the contract of a revision: services, messages, enums, and what the engine did'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand contract; and not __fish_seen_subcommand_from show diff check help" -f -a "diff" -d 'Say what changed between two revisions'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand contract; and not __fish_seen_subcommand_from show diff check help" -f -a "check" -d 'Hold somebody\'s .proto file or descriptor set against a revision'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand contract; and not __fish_seen_subcommand_from show diff check help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand contract; and __fish_seen_subcommand_from show" -l revision -d 'A revision, by name, alias or engine version' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand contract; and __fish_seen_subcommand_from show" -l format -d 'The form' -r -f -a "text\t'To be read'
json\t'JSON'
yaml\t'YAML'"
complete -c counterfoil -n "__fish_counterfoil_using_subcommand contract; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand contract; and __fish_seen_subcommand_from diff" -l format -d 'The form' -r -f -a "text\t'To be read'
json\t'JSON'
yaml\t'YAML'"
complete -c counterfoil -n "__fish_counterfoil_using_subcommand contract; and __fish_seen_subcommand_from diff" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand contract; and __fish_seen_subcommand_from check" -l revision -d 'A revision, by name, alias or engine version' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand contract; and __fish_seen_subcommand_from check" -l format -d 'The form' -r -f -a "text\t'To be read'
json\t'JSON'
yaml\t'YAML'"
complete -c counterfoil -n "__fish_counterfoil_using_subcommand contract; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand contract; and __fish_seen_subcommand_from help" -f -a "show" -d 'Show the contract of a revision: services, messages, enums, and what the engine did'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand contract; and __fish_seen_subcommand_from help" -f -a "diff" -d 'Say what changed between two revisions'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand contract; and __fish_seen_subcommand_from help" -f -a "check" -d 'Hold somebody\'s .proto file or descriptor set against a revision'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand contract; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand mock; and not __fish_seen_subcommand_from serve serve-broken install profiles help" -s h -l help -d 'Print help'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand mock; and not __fish_seen_subcommand_from serve serve-broken install profiles help" -f -a "serve" -d 'Serve a provider to the host that starts this'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand mock; and not __fish_seen_subcommand_from serve serve-broken install profiles help" -f -a "serve-broken" -d 'Be a broken process, as the kill matrix starts it'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand mock; and not __fish_seen_subcommand_from serve serve-broken install profiles help" -f -a "install" -d 'Lay a provider out as a plugin that a host finds: DIR/NAME/plugin.json and an executable beside it'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand mock; and not __fish_seen_subcommand_from serve serve-broken install profiles help" -f -a "profiles" -d 'List the profiles and what a check of each finds'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand mock; and not __fish_seen_subcommand_from serve serve-broken install profiles help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand mock; and __fish_seen_subcommand_from serve" -l profile -d 'The profile: NAME, NAME@POINT, or a file of yours, PATH or PATH@POINT; the newest point where none is named (`counterfoil mock profiles` lists them)' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand mock; and __fish_seen_subcommand_from serve" -l scenario -d 'The provider that this scenario asks for: what it declares and serves, and what exists in its cloud' -r -F
complete -c counterfoil -n "__fish_counterfoil_using_subcommand mock; and __fish_seen_subcommand_from serve" -l revision -d 'The revision of the contract that it speaks, by name, alias or engine version [default: that of the profile, and the newest for a scenario]' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand mock; and __fish_seen_subcommand_from serve" -s h -l help -d 'Print help'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand mock; and __fish_seen_subcommand_from serve-broken" -s h -l help -d 'Print help'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand mock; and __fish_seen_subcommand_from install" -l profile -d 'The profile: NAME, NAME@POINT, or a file of yours, PATH or PATH@POINT; the newest point where none is named (`counterfoil mock profiles` lists them)' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand mock; and __fish_seen_subcommand_from install" -l scenario -d 'The provider that this scenario asks for: what it declares and serves, and what exists in its cloud' -r -F
complete -c counterfoil -n "__fish_counterfoil_using_subcommand mock; and __fish_seen_subcommand_from install" -l into -d 'The directory of plugins; it is made where it is missing' -r -F
complete -c counterfoil -n "__fish_counterfoil_using_subcommand mock; and __fish_seen_subcommand_from install" -s h -l help -d 'Print help'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand mock; and __fish_seen_subcommand_from profiles" -s h -l help -d 'Print help'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand mock; and __fish_seen_subcommand_from help" -f -a "serve" -d 'Serve a provider to the host that starts this'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand mock; and __fish_seen_subcommand_from help" -f -a "serve-broken" -d 'Be a broken process, as the kill matrix starts it'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand mock; and __fish_seen_subcommand_from help" -f -a "install" -d 'Lay a provider out as a plugin that a host finds: DIR/NAME/plugin.json and an executable beside it'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand mock; and __fish_seen_subcommand_from help" -f -a "profiles" -d 'List the profiles and what a check of each finds'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand mock; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand adapter; and not __fish_seen_subcommand_from engine decoder broken help" -s h -l help -d 'Print help'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand adapter; and not __fish_seen_subcommand_from engine decoder broken help" -f -a "engine" -d 'Be the adapter of the reference engine, or of a broken one'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand adapter; and not __fish_seen_subcommand_from engine decoder broken help" -f -a "decoder" -d 'Be the adapter of the strict decoder, or of a broken one'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand adapter; and not __fish_seen_subcommand_from engine decoder broken help" -f -a "broken" -d 'Be a broken adapter, as the kill matrix starts it'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand adapter; and not __fish_seen_subcommand_from engine decoder broken help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand adapter; and __fish_seen_subcommand_from engine" -l mutant -d 'Apply as this broken engine does (`counterfoil mutants --list` has them)' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand adapter; and __fish_seen_subcommand_from engine" -s h -l help -d 'Print help'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand adapter; and __fish_seen_subcommand_from decoder" -l mutant -d 'Decode as this broken decoder does (`counterfoil mutants --list` has them)' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand adapter; and __fish_seen_subcommand_from decoder" -s h -l help -d 'Print help'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand adapter; and __fish_seen_subcommand_from broken" -s h -l help -d 'Print help'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand adapter; and __fish_seen_subcommand_from help" -f -a "engine" -d 'Be the adapter of the reference engine, or of a broken one'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand adapter; and __fish_seen_subcommand_from help" -f -a "decoder" -d 'Be the adapter of the strict decoder, or of a broken one'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand adapter; and __fish_seen_subcommand_from help" -f -a "broken" -d 'Be a broken adapter, as the kill matrix starts it'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand adapter; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand proxy; and not __fish_seen_subcommand_from serve install help" -s h -l help -d 'Print help'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand proxy; and not __fish_seen_subcommand_from serve install help" -f -a "serve" -d 'Be the plugin that is PROGRAM, to the host that starts this'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand proxy; and not __fish_seen_subcommand_from serve install help" -f -a "install" -d 'Lay a proxy out as a plugin that a host finds: DIR/NAME/plugin.json, which is that of the plugin, and an executable beside it'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand proxy; and not __fish_seen_subcommand_from serve install help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand proxy; and __fish_seen_subcommand_from serve" -l record -d 'Record the calls, as a trace that `counterfoil record` makes a scenario of. Where the file is there already, the next is FILE with a number' -r -F
complete -c counterfoil -n "__fish_counterfoil_using_subcommand proxy; and __fish_seen_subcommand_from serve" -l faults -d 'Put the faults of a scenario file in front of the plugin: those that strike calls' -r -F
complete -c counterfoil -n "__fish_counterfoil_using_subcommand proxy; and __fish_seen_subcommand_from serve" -l answers-mutations -d 'Answer in the plugin\'s place what could change something, so that it never gets there. All that is not known to read counts as such'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand proxy; and __fish_seen_subcommand_from serve" -l of-a-test -d 'Be part of a test by Counterfoil itself: pass over faults that strike no call, and leave secrets in the record'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand proxy; and __fish_seen_subcommand_from serve" -s h -l help -d 'Print help'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand proxy; and __fish_seen_subcommand_from install" -l in-front-of -d 'The plugin: its program, or the directory that holds plugin.json and the program' -r -F
complete -c counterfoil -n "__fish_counterfoil_using_subcommand proxy; and __fish_seen_subcommand_from install" -l into -d 'The directory of plugins; it is made where it is missing' -r -F
complete -c counterfoil -n "__fish_counterfoil_using_subcommand proxy; and __fish_seen_subcommand_from install" -l record -d 'Record the calls, as a trace that `counterfoil record` makes a scenario of. Where the file is there already, the next is FILE with a number' -r -F
complete -c counterfoil -n "__fish_counterfoil_using_subcommand proxy; and __fish_seen_subcommand_from install" -l faults -d 'Put the faults of a scenario file in front of the plugin: those that strike calls' -r -F
complete -c counterfoil -n "__fish_counterfoil_using_subcommand proxy; and __fish_seen_subcommand_from install" -l answers-mutations -d 'Answer in the plugin\'s place what could change something, so that it never gets there. All that is not known to read counts as such'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand proxy; and __fish_seen_subcommand_from install" -l of-a-test -d 'Be part of a test by Counterfoil itself: pass over faults that strike no call, and leave secrets in the record'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand proxy; and __fish_seen_subcommand_from install" -s h -l help -d 'Print help'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand proxy; and __fish_seen_subcommand_from help" -f -a "serve" -d 'Be the plugin that is PROGRAM, to the host that starts this'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand proxy; and __fish_seen_subcommand_from help" -f -a "install" -d 'Lay a proxy out as a plugin that a host finds: DIR/NAME/plugin.json, which is that of the plugin, and an executable beside it'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand proxy; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand stand-in; and not __fish_seen_subcommand_from wfctl help" -s h -l help -d 'Print help'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand stand-in; and not __fish_seen_subcommand_from wfctl help" -f -a "wfctl" -d 'Apply as the engine\'s command line does, with the reference engine or a broken one behind it'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand stand-in; and not __fish_seen_subcommand_from wfctl help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand stand-in; and __fish_seen_subcommand_from wfctl" -l mutant -d 'Apply as this broken engine does' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand stand-in; and __fish_seen_subcommand_from wfctl" -l revision -d 'The revision of the engine' -r
complete -c counterfoil -n "__fish_counterfoil_using_subcommand stand-in; and __fish_seen_subcommand_from wfctl" -s h -l help -d 'Print help'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand stand-in; and __fish_seen_subcommand_from help" -f -a "wfctl" -d 'Apply as the engine\'s command line does, with the reference engine or a broken one behind it'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand stand-in; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand record" -l into -d 'Write it to this file, which must not be there yet [default: standard output]' -r -F
complete -c counterfoil -n "__fish_counterfoil_using_subcommand record" -s h -l help -d 'Print help'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand completions" -s h -l help -d 'Print help'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand man" -l into -d 'The directory, such as ~/.local/share/man/man1; it is made where it is missing' -r -F
complete -c counterfoil -n "__fish_counterfoil_using_subcommand man" -s h -l help -d 'Print help'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand help; and not __fish_seen_subcommand_from run test init explore validate list schema judge rules explain mutants vectors report evidence cutover contract mock adapter proxy stand-in record completions man help" -f -a "run" -d 'Run scenarios against the embedded mock provider'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand help; and not __fish_seen_subcommand_from run test init explore validate list schema judge rules explain mutants vectors report evidence cutover contract mock adapter proxy stand-in record completions man help" -f -a "test" -d 'Test something of yours'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand help; and not __fish_seen_subcommand_from run test init explore validate list schema judge rules explain mutants vectors report evidence cutover contract mock adapter proxy stand-in record completions man help" -f -a "init" -d 'Look at the repository of a plugin, show the files of a gate, and write them'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand help; and not __fish_seen_subcommand_from run test init explore validate list schema judge rules explain mutants vectors report evidence cutover contract mock adapter proxy stand-in record completions man help" -f -a "explore" -d 'Make up plans and faults, look for one that breaks a rule, and write down the smallest that does'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand help; and not __fish_seen_subcommand_from run test init explore validate list schema judge rules explain mutants vectors report evidence cutover contract mock adapter proxy stand-in record completions man help" -f -a "validate" -d 'Check scenario files without running them'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand help; and not __fish_seen_subcommand_from run test init explore validate list schema judge rules explain mutants vectors report evidence cutover contract mock adapter proxy stand-in record completions man help" -f -a "list" -d 'List scenarios and the revisions at which they run'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand help; and not __fish_seen_subcommand_from run test init explore validate list schema judge rules explain mutants vectors report evidence cutover contract mock adapter proxy stand-in record completions man help" -f -a "schema" -d 'Print the JSON Schema of a format, for editors'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand help; and not __fish_seen_subcommand_from run test init explore validate list schema judge rules explain mutants vectors report evidence cutover contract mock adapter proxy stand-in record completions man help" -f -a "judge" -d 'Judge a saved trace again'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand help; and not __fish_seen_subcommand_from run test init explore validate list schema judge rules explain mutants vectors report evidence cutover contract mock adapter proxy stand-in record completions man help" -f -a "rules" -d 'List the rules'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand help; and not __fish_seen_subcommand_from run test init explore validate list schema judge rules explain mutants vectors report evidence cutover contract mock adapter proxy stand-in record completions man help" -f -a "explain" -d 'Say everything about a rule'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand help; and not __fish_seen_subcommand_from run test init explore validate list schema judge rules explain mutants vectors report evidence cutover contract mock adapter proxy stand-in record completions man help" -f -a "mutants" -d 'Run every broken engine, decoder, provider, manifest and process, and print which rules found it'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand help; and not __fish_seen_subcommand_from run test init explore validate list schema judge rules explain mutants vectors report evidence cutover contract mock adapter proxy stand-in record completions man help" -f -a "vectors" -d 'List binary vectors for the tests of decoders in any language, or write them to files'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand help; and not __fish_seen_subcommand_from run test init explore validate list schema judge rules explain mutants vectors report evidence cutover contract mock adapter proxy stand-in record completions man help" -f -a "report" -d 'Compare reports of runs'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand help; and not __fish_seen_subcommand_from run test init explore validate list schema judge rules explain mutants vectors report evidence cutover contract mock adapter proxy stand-in record completions man help" -f -a "evidence" -d 'Show what is kept of a test, and hold it against its artefact'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand help; and not __fish_seen_subcommand_from run test init explore validate list schema judge rules explain mutants vectors report evidence cutover contract mock adapter proxy stand-in record completions man help" -f -a "cutover" -d 'Say whether repositories can be released together: go or no-go, with the evidence behind it (docs/cutover.md)'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand help; and not __fish_seen_subcommand_from run test init explore validate list schema judge rules explain mutants vectors report evidence cutover contract mock adapter proxy stand-in record completions man help" -f -a "contract" -d 'Show, compare and check the contract'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand help; and not __fish_seen_subcommand_from run test init explore validate list schema judge rules explain mutants vectors report evidence cutover contract mock adapter proxy stand-in record completions man help" -f -a "mock" -d 'Serve or install a mock provider as a plugin of the engine'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand help; and not __fish_seen_subcommand_from run test init explore validate list schema judge rules explain mutants vectors report evidence cutover contract mock adapter proxy stand-in record completions man help" -f -a "adapter" -d 'Be the adapter of something of ours, as `test engine` and `test decoder` start it'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand help; and not __fish_seen_subcommand_from run test init explore validate list schema judge rules explain mutants vectors report evidence cutover contract mock adapter proxy stand-in record completions man help" -f -a "proxy" -d 'Put a plugin of the engine behind another that passes everything on'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand help; and not __fish_seen_subcommand_from run test init explore validate list schema judge rules explain mutants vectors report evidence cutover contract mock adapter proxy stand-in record completions man help" -f -a "stand-in" -d 'Stand in for something that is not ours'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand help; and not __fish_seen_subcommand_from run test init explore validate list schema judge rules explain mutants vectors report evidence cutover contract mock adapter proxy stand-in record completions man help" -f -a "record" -d 'Make a scenario to start from of what a proxy has recorded'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand help; and not __fish_seen_subcommand_from run test init explore validate list schema judge rules explain mutants vectors report evidence cutover contract mock adapter proxy stand-in record completions man help" -f -a "completions" -d 'Print what a shell needs to complete this command line'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand help; and not __fish_seen_subcommand_from run test init explore validate list schema judge rules explain mutants vectors report evidence cutover contract mock adapter proxy stand-in record completions man help" -f -a "man" -d 'Write the man pages'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand help; and not __fish_seen_subcommand_from run test init explore validate list schema judge rules explain mutants vectors report evidence cutover contract mock adapter proxy stand-in record completions man help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand help; and __fish_seen_subcommand_from test" -f -a "provider" -d 'Test a provider plugin: start it as the engine does, load it, and run every scenario that can tell something of it. Nothing behind which a cloud stands is called without --live'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand help; and __fish_seen_subcommand_from test" -f -a "engine" -d 'Test an engine in any language: give its adapter every scenario that can reach it, play the provider that it calls, and judge what it says and what it did (docs/adapter.md)'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand help; and __fish_seen_subcommand_from test" -f -a "wfctl" -d 'Test the engine\'s own command line: have it apply what scenarios plan, in front of the mock provider and through the proxy, and judge its calls, its state files and what it prints (docs/engine.md)'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand help; and __fish_seen_subcommand_from test" -f -a "decoder" -d 'Test a decoder in any language: give its adapter every binary vector at every revision, and messages made of them, and judge what it accepts and what it refuses (docs/adapter.md)'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand help; and __fish_seen_subcommand_from explore" -f -a "provider" -d 'Look for plans and faults in which a plugin of yours breaks the contract; without a plugin, our own mock provider'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand help; and __fish_seen_subcommand_from explore" -f -a "engine" -d 'Look for plans and faults in which an engine of yours breaks the contract, behind its adapter; without one, the reference engine, or a broken one'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand help; and __fish_seen_subcommand_from explore" -f -a "decoder" -d 'Look for replies of which a decoder of yours makes what it must not, behind its adapter; without one, the strict decoder, or a broken one'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand help; and __fish_seen_subcommand_from report" -f -a "diff" -d 'Compare two runs: verdicts and findings that are gained or lost, and calls that are others'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand help; and __fish_seen_subcommand_from report" -f -a "merge" -d 'Make one run again of the reports of its parts, or of what a run left that was killed'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand help; and __fish_seen_subcommand_from evidence" -f -a "show" -d 'Show what evidence says'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand help; and __fish_seen_subcommand_from evidence" -f -a "verify" -d 'Hold evidence against what it is said to be about'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand help; and __fish_seen_subcommand_from cutover" -f -a "freeze" -d 'Lock what was judged, unless the answer is no-go: a later change of it is no-go'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand help; and __fish_seen_subcommand_from cutover" -f -a "rollback" -d 'Say what is left of each pair when what is public is withdrawn'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand help; and __fish_seen_subcommand_from cutover" -f -a "bundle" -d 'Keep the answer, the lock, the evidence and the waivers in a directory, with the text of an issue for each repository that owes something. Nothing is posted'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand help; and __fish_seen_subcommand_from contract" -f -a "show" -d 'Show the contract of a revision: services, messages, enums, and what the engine did'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand help; and __fish_seen_subcommand_from contract" -f -a "diff" -d 'Say what changed between two revisions'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand help; and __fish_seen_subcommand_from contract" -f -a "check" -d 'Hold somebody\'s .proto file or descriptor set against a revision'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand help; and __fish_seen_subcommand_from mock" -f -a "serve" -d 'Serve a provider to the host that starts this'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand help; and __fish_seen_subcommand_from mock" -f -a "serve-broken" -d 'Be a broken process, as the kill matrix starts it'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand help; and __fish_seen_subcommand_from mock" -f -a "install" -d 'Lay a provider out as a plugin that a host finds: DIR/NAME/plugin.json and an executable beside it'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand help; and __fish_seen_subcommand_from mock" -f -a "profiles" -d 'List the profiles and what a check of each finds'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand help; and __fish_seen_subcommand_from adapter" -f -a "engine" -d 'Be the adapter of the reference engine, or of a broken one'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand help; and __fish_seen_subcommand_from adapter" -f -a "decoder" -d 'Be the adapter of the strict decoder, or of a broken one'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand help; and __fish_seen_subcommand_from adapter" -f -a "broken" -d 'Be a broken adapter, as the kill matrix starts it'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand help; and __fish_seen_subcommand_from proxy" -f -a "serve" -d 'Be the plugin that is PROGRAM, to the host that starts this'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand help; and __fish_seen_subcommand_from proxy" -f -a "install" -d 'Lay a proxy out as a plugin that a host finds: DIR/NAME/plugin.json, which is that of the plugin, and an executable beside it'
complete -c counterfoil -n "__fish_counterfoil_using_subcommand help; and __fish_seen_subcommand_from stand-in" -f -a "wfctl" -d 'Apply as the engine\'s command line does, with the reference engine or a broken one behind it'
