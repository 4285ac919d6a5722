package program

import "bytes"

// Words keeps one copy of each word that log lines repeat. For one goroutine.
type Words map[string]string

const mostWords = 10_000

// Of is the word as a string; a dash, and nothing, are no word.
func (w Words) Of(text []byte) string {
	if len(text) == 0 || (len(text) == 1 && text[0] == '-') {
		return ""
	}
	if known, ok := w[string(text)]; ok {
		return known
	}
	if len(w) >= mostWords {
		clear(w)
	}
	word := string(text)
	w[word] = word
	return word
}

// Fields cuts a line at tabs into exactly as many fields as there is room for; the last one keeps its tabs.
func Fields(text []byte, into [][]byte) bool {
	for i := range len(into) - 1 {
		at := bytes.IndexByte(text, '\t')
		if at < 0 {
			return false
		}
		into[i], text = text[:at], text[at+1:]
	}
	into[len(into)-1] = text
	return true
}
