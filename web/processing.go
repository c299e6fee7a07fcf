package web

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
)

func (d *door) processingPage(w http.ResponseWriter, r *http.Request) error {
	v, err := d.enter(r)
	if err != nil {
		return err
	}
	record, err := d.engine.Processing(r.Context(), v.caller, v.workspace.ID)
	if err != nil {
		return err
	}
	return d.show(w, r, http.StatusOK, processingPageOf(d.page(r, v, "Record of processing activities"), record))
}

func (d *door) processingFile(w http.ResponseWriter, r *http.Request) error {
	v, err := d.enter(r)
	if err != nil {
		return err
	}
	record, err := d.engine.Processing(r.Context(), v.caller, v.workspace.ID)
	if err != nil {
		return err
	}
	return sendProcessing(w, r, record)
}

// linkedProcessingPage is the operator's own record, for whoever has a link to it.
func (d *door) linkedProcessingPage(w http.ResponseWriter, r *http.Request) error {
	record, err := d.engine.LinkedProcessing(r.Context(), r.PathValue("link"))
	if err != nil {
		return err
	}
	export := engine.ProcessingPage(r.PathValue("link")) + "/export"
	return d.show(w, r, http.StatusOK, instanceProcessingPage(d.stranger(r, "Record of processing activities"), record, export))
}

func (d *door) linkedProcessingFile(w http.ResponseWriter, r *http.Request) error {
	record, err := d.engine.LinkedProcessing(r.Context(), r.PathValue("link"))
	if err != nil {
		return err
	}
	return sendProcessing(w, r, record)
}

func sendProcessing(w http.ResponseWriter, r *http.Request, record privacyd.ProcessingRecord) (err error) {
	var b bytes.Buffer
	kind, name := "text/csv; charset=utf-8", "processing-activities.csv"
	if r.URL.Query().Get("format") == "json" {
		kind, name = "application/json", "processing-activities.json"
		err = json.NewEncoder(&b).Encode(record)
	} else {
		err = record.WriteCSV(&b)
	}
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
	writeBody(w, r, http.StatusOK, b.Bytes(), nil)
	return nil
}

// activityTitle is what an activity is for.
func activityTitle(a privacyd.Activity) string {
	if a.Name == "" {
		return "Without a purpose"
	}
	return a.Name
}

// basisWords puts a ground of Art. 6(1) GDPR into words.
func basisWords(codes []string) string {
	words := map[string]string{
		"consent": "consent, Art. 6(1)(a)", "contract": "a contract, Art. 6(1)(b)", "legal_obligation": "a legal obligation, Art. 6(1)(c)",
		"vital_interests": "vital interests, Art. 6(1)(d)", "public_task": "a task in the public interest, Art. 6(1)(e)",
		"legitimate_interests": "legitimate interests, Art. 6(1)(f)",
	}
	list := make([]string, len(codes))
	for n, code := range codes {
		list[n] = words[code]
	}
	if len(list) == 0 {
		return "The data map does not say."
	}
	return sentence(strings.Join(list, "; "))
}

// categoryWords names categories of data, those of Art. 9 and 10 marked.
func categoryWords(list []privacyd.DataCategory) string {
	words := make([]string, len(list))
	for n, c := range list {
		words[n] = c.Name
		if c.Special {
			words[n] += " (special category)"
		}
	}
	return strings.Join(words, "; ")
}

// whoAdds says who can add what a record lacks.
func whoAdds(m privacyd.MissingWord) string {
	if m.Who == "admin" {
		return "An admin of this workspace can: " + m.How
	}
	return "Whoever runs this server can: " + m.How
}

// countryOr is a country, or that nobody has said.
func countryOr(code string) string {
	if code == "" {
		return "not declared"
	}
	return code
}

// processingLine says what the record is.
func processingLine(r privacyd.ProcessingRecord) string {
	return "What " + r.Article + " asks for, made from the data maps and the running server, as of " + absolute(r.At) + "."
}

// whereWords says where the data of an activity is.
func whereWords(a privacyd.Activity) string {
	if len(a.Places) == 0 {
		return "Dataset " + a.Dataset
	}
	places := make([]string, len(a.Places))
	for i, name := range a.Places {
		places[i] = placeWords(name)
	}
	return "Dataset " + a.Dataset + ": " + strings.Join(places, ", ")
}

func recipientWords(one privacyd.Recipient) string {
	role := one.Role
	if _, name, ok := strings.Cut(role, " "); ok && ownPlaces[name] != "" {
		role = ownPlaces[name]
	}
	return sentence(one.Name) + ", " + role + ", " + countryOr(one.Country)
}

func transferWords(one privacyd.Transfer) string {
	if one.Basis == "" {
		return one.To + ", " + one.Country + ". Nobody has said what it rests on."
	}
	return one.To + ", " + one.Country + ": " + one.Basis
}
