package datamap

// FieldType says how one field of a Row is written, for an archive's manifest.
type FieldType struct {
	Name     string   // as in exports
	Type     string   // as the database writes it: "timestamp with time zone", "TEXT"
	Encoding Encoding // what a reader finds in the JSON
}

// Encoding is the form of a value in a Row's JSON. NULL is null in every one.
//
// In all of them a text that is not UTF-8 stands as {"$base64": "…"}.
type Encoding string

// The encodings. An array of values is "array of " and the encoding of its
// elements.
const (
	EncodingString        Encoding = "string"
	EncodingNumber        Encoding = "number"          // at full precision; "NaN", "Infinity" and "-Infinity" are strings
	EncodingBoolean       Encoding = "boolean"         // true or false
	EncodingDateTime      Encoding = "date-time"       // RFC 3339 in UTC; "infinity", "-infinity"; years before 1 end in " BC"
	EncodingLocalDateTime Encoding = "local-date-time" // the same without a zone, as stored
	EncodingDate          Encoding = "date"            // 2026-01-31
	EncodingLocalTime     Encoding = "local-time"      // 23:59:59.5
	EncodingDuration      Encoding = "duration"        // ISO 8601
	EncodingBase64        Encoding = "base64"
	EncodingJSON          Encoding = "json" // itself; text that is not JSON stands as {"$text": "…"}
	EncodingAny           Encoding = "any"  // by the value: a column without a type
)

// ArrayOf is the encoding of an array whose elements are encoded as e.
func ArrayOf(e Encoding) Encoding { return "array of " + e }
