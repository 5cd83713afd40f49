package reduceprocessor

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// patternCases is the table that Phoenix's metering is held to as well.
type patternCases struct {
	Matching []struct {
		Pattern string `json:"pattern"`
		Field   string `json:"field"`
		Value   string `json:"value"`
		Matches bool   `json:"matches"`
	} `json:"matching"`
	// Refused by both; by metering only, what Python cannot say.
	Refused           []string `json:"refused"`
	RefusedByMetering []string `json:"refused_by_metering"`
}

func readPatternCases(t *testing.T) patternCases {
	text, err := os.ReadFile(filepath.Join("testdata", "patterns.json"))
	require.NoError(t, err)
	var cases patternCases
	require.NoError(t, json.Unmarshal(text, &cases))
	return cases
}

func TestAPatternMeansWhatItMeansToMetering(t *testing.T) {
	for _, one := range readPatternCases(t).Matching {
		parsed, err := parsePattern(one.Pattern)
		require.NoError(t, err, one.Pattern)
		process := namesOf(t, map[string]any{attributeOfField[one.Field]: one.Value})
		require.Equal(t, one.Matches, parsed.matches(process), "%q and %q", one.Pattern, one.Value)
	}
}

func TestWhatIsNoPatternIsRefused(t *testing.T) {
	cases := readPatternCases(t)
	for _, text := range cases.Refused {
		_, err := parsePattern(text)
		require.Error(t, err, "%q", text)
	}
	for _, text := range cases.RefusedByMetering {
		_, err := parsePattern(text)
		require.NoError(t, err, "%q", text)
	}
}
