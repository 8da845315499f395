package adapter

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestFramesComeInTheirOrderAndThenTheEnd(t *testing.T) {
	input := "\x00\x00\x00\x02ab\x00\x00\x00\x00\x00\x00\x00\x01c"
	readers := map[string]io.Reader{
		"at once":   strings.NewReader(input),
		"in pieces": iotest.OneByteReader(strings.NewReader(input)),
	}
	for name, in := range readers {
		frames := newFrameReader(in)
		for _, due := range []string{"ab", "", "c"} {
			if frame, err := frames.next(); err != nil || string(frame) != due {
				t.Errorf("%s: got %q, %v, expected %q", name, frame, err, due)
			}
		}
		if _, err := frames.next(); err != io.EOF {
			t.Errorf("%s: got %v, expected the end", name, err)
		}
	}
}

func TestHalfAFrameIsNoEnd(t *testing.T) {
	for _, input := range []string{"\x00", "\x00\x00\x00", "\x00\x00\x00\x01", "\x00\x00\x00\x03ab"} {
		if _, err := newFrameReader(strings.NewReader(input)).next(); !errors.Is(err, ErrHalfFrame) {
			t.Errorf("%q: got %v", input, err)
		}
	}
}

func TestAFrameThatIsTooLongIsNotRead(t *testing.T) {
	for _, input := range []string{"\x04\x00\x00\x01", "\xff\xff\xff\xff", "panic: "} {
		in := strings.NewReader(input)
		_, err := newFrameReader(in).next()
		if err == nil || !strings.Contains(err.Error(), "is the most") {
			t.Errorf("%q: got %v", input, err)
		}
	}
	if err := writeFrame(bufio.NewWriter(io.Discard), make([]byte, MaxFrame+1)); err == nil {
		t.Error("one that is too long was written")
	}
}

func TestAnotherErrorOfTheInputIsToldAsItIs(t *testing.T) {
	broken := errors.New("broken")
	if _, err := newFrameReader(iotest.ErrReader(broken)).next(); err != broken {
		t.Errorf("got %v", err)
	}
}

func TestAFrameIsWaitingOnceAllOfItIsThere(t *testing.T) {
	first := "\x00\x00\x00\x01a"
	for behind, due := range map[string]bool{
		"": false, "\x00\x00\x00": false, "\x00\x00\x00\x02b": false, "\x00\x00\x00\x02bc": true, "\x00\x00\x00\x00": true,
	} {
		frames := newFrameReader(strings.NewReader(first + behind))
		if _, err := frames.next(); err != nil {
			t.Fatal(err)
		}
		if found := frames.isWaiting(); found != due {
			t.Errorf("%q: got %v", behind, found)
		}
	}
}

func TestWhatIsWrittenCanBeRead(t *testing.T) {
	var out bytes.Buffer
	writer := bufio.NewWriter(&out)
	messages := []string{"", "a", strings.Repeat("b", keptFrame+1), "c"}
	for _, message := range messages {
		if err := writeFrame(writer, []byte(message)); err != nil {
			t.Fatal(err)
		}
	}
	if err := writer.Flush(); err != nil {
		t.Fatal(err)
	}
	frames := newFrameReader(&out)
	for _, due := range messages {
		if frame, err := frames.next(); err != nil || string(frame) != due {
			t.Errorf("%d bytes, %v, expected %d", len(frame), err, len(due))
		}
	}
}
