package web

import (
	"regexp"
	"strings"
)

// block is a part of a text written in Markdown, as far as agreements need it:
// headings, paragraphs, lists and rules. Everything else stays as it is
// written, and markup of a page is text like any other.
type block struct {
	Level int // of a heading: 1 to 3
	Items [][]piece
	Spans []piece // of a heading or a paragraph
	Rule  bool
}

// piece is a part of a line.
type piece struct {
	Text         string
	Strong, Soft bool
}

var (
	mdHeading = regexp.MustCompile(`^(#{1,3}) +(.+?) *#*$`)
	mdItem    = regexp.MustCompile(`^[-*] +(.+)$`)
	mdRule    = regexp.MustCompile(`^(?:-{3,}|\*{3,})$`)
	mdMark    = regexp.MustCompile(`\*\*([^*]+)\*\*|\*([^* ][^*]*)\*`)
)

// parseText splits a text into its blocks.
func parseText(text string) []block {
	var blocks []block
	var lines []string // of the paragraph that is being read
	end := func() {
		if len(lines) > 0 {
			blocks, lines = append(blocks, block{Spans: parseSpans(strings.Join(lines, " "))}), nil
		}
	}
	listed := false
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimSpace(line)
		heading, item := mdHeading.FindStringSubmatch(line), mdItem.FindStringSubmatch(line)
		if line == "" || heading != nil || item != nil || mdRule.MatchString(line) {
			end()
		}
		switch {
		case line == "":
		case heading != nil:
			blocks = append(blocks, block{Level: len(heading[1]), Spans: parseSpans(heading[2])})
		case mdRule.MatchString(line):
			blocks = append(blocks, block{Rule: true})
		case item != nil && listed:
			last := &blocks[len(blocks)-1]
			last.Items = append(last.Items, parseSpans(item[1]))
		case item != nil:
			blocks = append(blocks, block{Items: [][]piece{parseSpans(item[1])}})
		default:
			lines = append(lines, line)
		}
		listed = item != nil
	}
	end()
	return blocks
}

// parseSpans finds what is **strong** or *soft* in a line.
func parseSpans(line string) []piece {
	var spans []piece
	for at := mdMark.FindStringSubmatchIndex(line); at != nil; at = mdMark.FindStringSubmatchIndex(line) {
		if at[0] > 0 {
			spans = append(spans, piece{Text: line[:at[0]]})
		}
		if at[2] >= 0 {
			spans = append(spans, piece{Text: line[at[2]:at[3]], Strong: true})
		} else {
			spans = append(spans, piece{Text: line[at[4]:at[5]], Soft: true})
		}
		line = line[at[1]:]
	}
	if line != "" {
		spans = append(spans, piece{Text: line})
	}
	return spans
}
