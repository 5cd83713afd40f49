package reduceprocessor

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Attributes of a process resource that patterns and keys can name.
const (
	attributePid         = "process.pid"
	attributeName        = "process.executable.name"
	attributePath        = "process.executable.path"
	attributeCommand     = "process.command"
	attributeCommandLine = "process.command_line"
	attributeOwner       = "process.owner"
	attributeCgroup      = "process.cgroup"
)

// attributeOfField is what a pattern's prefix looks at.
var attributeOfField = map[string]string{
	"name":         attributeName,
	"path":         attributePath,
	"command":      attributeCommand,
	"command_line": attributeCommandLine,
	"owner":        attributeOwner,
	"cgroup":       attributeCgroup,
}

// pattern matches one attribute of a process: `nginx`, `postgres*`, `/^java.*$/`, with a prefix such as `owner:`.
// Metering reads them alike (metering/patterns.py): testdata/patterns.json is tested in both languages.
type pattern struct {
	text      string
	attribute string
	exact     string
	compiled  *regexp.Regexp // nil: exact
}

func parsePattern(text string) (pattern, error) {
	attribute, rest := attributeName, text
	if field, after, found := strings.Cut(text, ":"); found && !strings.HasPrefix(text, "/") {
		if known, ok := attributeOfField[field]; ok {
			attribute, rest = known, after
		}
	}
	parsed := pattern{text: text, attribute: attribute}
	var err error
	switch {
	case strings.TrimSpace(rest) == "":
		return pattern{}, errors.New("is empty")
	case len(rest) > 1 && rest[0] == '/' && rest[len(rest)-1] == '/':
		parsed.compiled, err = regexp.Compile(rest[1 : len(rest)-1])
	case strings.ContainsAny(rest, "*?"):
		parsed.compiled, err = regexp.Compile(regexOfGlob(rest))
	default:
		parsed.exact = rest
	}
	return parsed, err
}

func regexOfGlob(glob string) string {
	var text strings.Builder
	text.WriteString(`\A`)
	for _, r := range glob {
		switch r {
		case '*':
			text.WriteString(`(?s:.*)`)
		case '?':
			text.WriteString(`(?s:.)`)
		default:
			text.WriteString(regexp.QuoteMeta(string(r)))
		}
	}
	text.WriteString(`\z`)
	return text.String()
}

func (p *pattern) matches(names *names) bool {
	value, ok := names.of(p.attribute)
	if !ok {
		return false
	}
	if p.compiled != nil {
		return p.compiled.MatchString(value)
	}
	return value == p.exact
}

// patterns match if one of them does; the first that does is named.
type patterns []pattern

func (ps patterns) first(names *names) (string, bool) {
	for i := range ps {
		if ps[i].matches(names) {
			return ps[i].text, true
		}
	}
	return "", false
}

func parsePatterns(texts []string) (patterns, error) {
	parsed := make(patterns, 0, len(texts))
	var errs []error
	for i, text := range texts {
		one, err := parsePattern(text)
		if err != nil {
			errs = append(errs, fmt.Errorf("%d: %q: %w", i, text, err))
			continue
		}
		parsed = append(parsed, one)
	}
	return parsed, errors.Join(errs...)
}

func validPatterns(key string, texts []string) error {
	var errs []error
	for i, text := range texts {
		if _, err := parsePattern(text); err != nil {
			errs = append(errs, fmt.Errorf("'%s::%d': pattern %q: %w", key, i, text, err))
		}
	}
	return errors.Join(errs...)
}
