package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/archive"
	"github.com/privacyd/privacyd/datamap"
)

// about is what Art. 15(1) and (2) GDPR ask for beside the copy of the data.
type about struct {
	Article     string            `json:"article"`
	Subject     privacyd.Subject  `json:"subject"`
	Purposes    []aboutCollection `json:"purposes"`   // 15(1)(a), (b), (g)
	Recipients  []aboutRecipient  `json:"recipients"` // 15(1)(c)
	Retention   string            `json:"retention"`  // 15(1)(d)
	Rights      []string          `json:"rights"`     // 15(1)(e), (f)
	Decisions   string            `json:"automated_decisions"`
	Transfers   string            `json:"transfers"` // 15(2)
	Portability []string          `json:"portability"`
}

type aboutCollection struct {
	Collection string       `json:"collection"`
	Purpose    string       `json:"purpose"`
	Fields     []aboutField `json:"fields"`
}

type aboutField struct {
	Name       string             `json:"name"`
	Category   string             `json:"category"`
	Provenance datamap.Provenance `json:"provenance"` // 15(1)(g): the source
}

type aboutRecipient struct {
	Dataset   string `json:"dataset"`
	Place     string `json:"place,omitempty"`
	Processor string `json:"processor,omitempty"`
	Country   string `json:"country,omitempty"`
	Region    string `json:"region,omitempty"`
}

// writeAbout adds about.json to the answer to an access request.
func (x *extraction) writeAbout(_ context.Context) error {
	if x.job.Subject == nil {
		return nil
	}
	raw, err := json.MarshalIndent(x.about(), "", "  ")
	if err != nil {
		return fmt.Errorf("encode about.json: %w", err)
	}
	return x.out.File("about.json", bytes.NewReader(append(raw, '\n')))
}

func (x *extraction) about() about {
	a := about{
		Article: "Art. 15(1) and (2) GDPR", Subject: *x.job.Subject,
		Retention: "No fixed period: the records are kept until the controller or a retention policy deletes them.",
		Rights: []string{
			"rectification (Art. 16)", "erasure (Art. 17)", "restriction (Art. 18)", "portability (Art. 20)", "objection (Art. 21)",
			"complaint to a supervisory authority (Art. 77)",
		},
		Decisions: "None is made by privacyd. Ask the controller about its own.",
		Transfers: "Recipients outside the EU and EEA, if any, are those listed under recipients with their country.",
		Portability: []string{
			"Fields whose provenance is provided or observed are those of Art. 20; derived ones are not.",
		},
	}
	var seen []string
	for _, p := range x.parts {
		a.Purposes = append(a.Purposes, aboutPart(p))
		if !slices.Contains(seen, p.dataset.Name) {
			seen = append(seen, p.dataset.Name)
			a.Recipients = append(a.Recipients, recipient(p.dataset))
		}
	}
	return a
}

// sections is the same for the README.
func (a about) sections() []archive.Section {
	purposes := archive.Section{Heading: "Why these data are kept"}
	for _, c := range a.Purposes {
		if c.Purpose != "" {
			purposes.Lines = append(purposes.Lines, c.Collection+": "+c.Purpose)
		}
	}
	recipients := archive.Section{Heading: "Who holds them"}
	for _, r := range a.Recipients {
		line := r.Dataset
		for _, part := range []string{r.Processor, r.Region, r.Country} {
			if part != "" {
				line += ", " + part
			}
		}
		recipients.Lines = append(recipients.Lines, line)
	}
	return []archive.Section{
		purposes, recipients,
		{Heading: "How long they are kept", Lines: []string{a.Retention}},
		{Heading: "Your rights", Lines: a.Rights},
		{Heading: "Automated decisions", Lines: []string{a.Decisions}},
		{Heading: "Transfers to other countries", Lines: []string{a.Transfers}},
	}
}

func aboutPart(p part) aboutCollection {
	c := aboutCollection{Collection: p.name, Purpose: p.selection.Collection.Purpose}
	for _, f := range p.selection.Fields {
		c.Fields = append(c.Fields, aboutField{Name: f.Name, Category: f.Category, Provenance: f.Provenance})
	}
	return c
}

func recipient(d Dataset) aboutRecipient {
	r := aboutRecipient{Dataset: d.Name, Place: d.Place}
	if h := d.Graph.Map.Hosting; h != nil {
		r.Processor, r.Country, r.Region = h.Processor, h.Country, h.Region
	}
	return r
}
