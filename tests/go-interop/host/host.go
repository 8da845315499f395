// Package host is a host of the engine that puts a provider to the test.
package host

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"

	"counterfoil/interop/contract"
	"counterfoil/interop/library"
)

// within is how long the whole of a launch may take.
const within = 60 * time.Second

// Main launches the program of the command line with a library, and prints a JSON line for each step.
func Main(lib library.Library) {
	mtls := flag.Bool("mtls", false, "ask for AutoMTLS")
	times := flag.Bool("times", false, "for each line on stdin, launch up to the first reply and print how long that took")
	flag.Usage = func() {
		fmt.Fprintf(os.Stderr, "%s [--mtls] [--times] PROGRAM [ARGUMENT...]\n", os.Args[0])
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() == 0 {
		flag.Usage()
		os.Exit(2)
	}
	tell("versions", versions())
	var err error
	if *times {
		err = measure(lib, *mtls, flag.Args())
	} else {
		err = drive(lib, *mtls, flag.Args())
	}
	if err != nil {
		tell("failed", map[string]any{"error": err.Error()})
		os.Exit(1)
	}
}

// tell prints a step and what belongs to it as one line.
func tell(step string, more map[string]any) {
	line := map[string]any{"step": step}
	for key, value := range more {
		line[key] = value
	}
	if err := json.NewEncoder(os.Stdout).Encode(line); err != nil {
		panic(err)
	}
}

// versions are those that the program was built with.
func versions() map[string]any {
	found := map[string]any{"go": runtime.Version()}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, module := range info.Deps {
			if strings.HasSuffix(module.Path, "/go-plugin") || module.Path == "google.golang.org/grpc" {
				found[module.Path] = module.Version
			}
		}
	}
	return found
}

// plugin is a plugin that was launched.
type plugin struct {
	library.Process
	command             *exec.Cmd
	log, stdout, stderr *heard
}

func prepare(lib library.Library, mtls bool, program []string) *plugin {
	p := &plugin{
		command: exec.Command(program[0], program[1:]...),
		log:     listen(os.Stderr),
		stdout:  listen(os.Stderr),
		stderr:  listen(os.Stderr),
	}
	log := hclog.New(&hclog.LoggerOptions{Name: "host", Level: hclog.Info, Output: p.log, JSONFormat: true})
	p.Process = lib.Prepare(p.command, library.Options{AutoMTLS: mtls, Log: log, Stdout: p.stdout, Stderr: p.stderr})
	return p
}

// gone checks that the process has ended by itself, and that nothing of it lies where temporary files go.
func (p *plugin) gone() error {
	if state := p.command.ProcessState; state == nil || !state.Success() {
		return fmt.Errorf("it ended with %v", state)
	}
	left, err := os.ReadDir(os.TempDir())
	if err == nil && len(left) > 0 {
		err = fmt.Errorf("it left %v behind", left)
	}
	return err
}

// drive takes a provider through its whole life.
func drive(lib library.Library, mtls bool, program []string) error {
	// The socket goes there, as the library sets no other place.
	temporary, err := os.MkdirTemp("", "interop-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temporary)
	if err := os.Setenv("TMPDIR", temporary); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()

	p := prepare(lib, mtls, program)
	defer p.Kill()
	for _, step := range steps(ctx, p) {
		if err := step.do(); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
		tell(step.name, nil)
	}
	return nil
}

// measure launches a provider for each line on stdin, and tells how long that took when the provider is gone again.
func measure(lib library.Library, mtls bool, program []string) error {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		ctx, cancel := context.WithTimeout(context.Background(), within)
		times, err := launch(ctx, lib, mtls, program)
		cancel()
		if err != nil {
			return err
		}
		tell("times", times)
	}
	return lines.Err()
}

// launch goes up to the first reply: the handshake line, the connection, the reply.
func launch(ctx context.Context, lib library.Library, mtls bool, program []string) (map[string]any, error) {
	begun := time.Now()
	p := prepare(lib, mtls, program)
	defer p.Kill()
	if err := p.Start(); err != nil {
		return nil, err
	}
	started := time.Now()
	conn, err := p.Connect()
	if err != nil {
		return nil, err
	}
	connected := time.Now()
	if _, err := contract.Call(ctx, conn, contract.Plugin+"/GetContractRegistry", contract.Message{}); err != nil {
		return nil, err
	}
	return map[string]any{
		"start_us":   started.Sub(begun).Microseconds(),
		"connect_us": connected.Sub(started).Microseconds(),
		"reply_us":   time.Since(connected).Microseconds(),
	}, nil
}
