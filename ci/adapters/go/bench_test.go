package adapter

import (
	"bufio"
	"bytes"
	"io"
	"testing"
)

// An echo of the same frames is the figure to hold the protocol against.
func BenchmarkServe(b *testing.B) {
	const cases = 1000
	input := helloFrame(roleDecoder)
	for i := range cases {
		input = append(input, caseFrame(uint64(i+1), "as long as the bytes of many a case")...)
	}
	programs := map[string]func(io.Reader) error{
		"echo":  func(in io.Reader) error { return echo(in, io.Discard) },
		"serve": func(in io.Reader) error { return Serve(in, io.Discard, spell) },
	}
	for name, program := range programs {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := program(bytes.NewReader(input)); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*cases), "ns/case")
		})
	}
}

func echo(in io.Reader, out io.Writer) error {
	frames, answers := newFrameReader(in), bufio.NewWriterSize(out, bufferSize)
	for {
		frame, err := frames.next()
		if err == io.EOF {
			return answers.Flush()
		}
		if err != nil {
			return err
		}
		if err := writeFrame(answers, frame); err != nil {
			return err
		}
	}
}
