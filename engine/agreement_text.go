package engine

import (
	"context"
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"text/template"

	"github.com/privacyd/privacyd"
)

//go:embed agreement.md
var agreementText string

// agreementBlanks is what the template leaves open.
type agreementBlanks struct {
	Operator, Contact, Register    string
	Purposes, Subjects, Categories []string
	Measures, Places, Processors   []string
}

// AgreementTemplate is our own template with its blanks filled in from the
// configuration: a draft. It is public: anybody may.
func (e *Engine) AgreementTemplate(ctx context.Context) (privacyd.ProcessingAgreement, error) {
	blanks, err := e.agreementBlanks(ctx)
	if err != nil {
		return privacyd.ProcessingAgreement{}, err
	}
	t, err := template.New("agreement").Parse(agreementText)
	if err != nil {
		return privacyd.ProcessingAgreement{}, fmt.Errorf("read the template of the agreement: %w", err)
	}
	var b strings.Builder
	if err := t.Execute(&b, blanks); err != nil {
		return privacyd.ProcessingAgreement{}, fmt.Errorf("fill in the template of the agreement: %w", err)
	}
	return privacyd.NewProcessingAgreement(b.String())
}

func (e *Engine) agreementBlanks(ctx context.Context) (agreementBlanks, error) {
	registers, err := e.Register(ctx)
	if err != nil {
		return agreementBlanks{}, err
	}
	b := agreementBlanks{
		Operator: partyLine(e.Legal.Operator.Contact, "[name and address of the processor]"),
		Contact:  "Privacy contact of the processor: " + contactLine(e.Legal.Operator.Contact),
		Measures: e.measures(), Purposes: purposesOf(e.Datasets),
	}
	if !e.Legal.Operator.Officer.Empty() {
		b.Contact += "\n\nData protection officer of the processor: " + contactLine(e.Legal.Operator.Officer)
	}
	if e.Legal.Address != "" {
		b.Register = e.Legal.Address + "/legal/sub-processors"
	}
	for _, a := range e.activities(e.Datasets, privacyd.Policy{}) {
		for _, s := range a.Subjects {
			b.Subjects = addOnce(b.Subjects, subjectWords(s))
		}
		for _, c := range a.Categories {
			b.Categories = addOnce(b.Categories, c.Name)
		}
	}
	slices.Sort(b.Subjects)
	slices.Sort(b.Categories)
	undeclared := []string{}
	for _, p := range e.Places {
		if p.Declared() {
			b.Places = append(b.Places, placeLine(p))
		} else {
			undeclared = append(undeclared, p.Name)
		}
	}
	if len(undeclared) > 0 {
		b.Places = append(b.Places, "[country of the processor's own server], which holds: "+strings.Join(undeclared, ", "))
	}
	for _, r := range registers {
		if r.Now != nil && !r.Now.Ended {
			b.Processors = append(b.Processors, processorLine(*r.Now))
		}
	}
	return b, nil
}

// subjectWords says who the persons of a kind are; a product's own kinds are
// words already.
func subjectWords(kind string) string {
	switch kind {
	case accountKind:
		return "people who sign in (account)"
	case "contact":
		return "people whom the controller is in contact with (contact)"
	default:
		return strings.ReplaceAll(kind, "_", " ")
	}
}

func addOnce(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

// partyLine names a party with its postal address.
func partyLine(c privacyd.Contact, blank string) string {
	if c.Empty() {
		return blank
	}
	return joinNonEmpty(", ", c.Name, strings.ReplaceAll(c.Address, "\n", ", "))
}

// contactLine is a contact on one line.
func contactLine(c privacyd.Contact) string {
	if c.Empty() {
		return "[name and e-mail address]"
	}
	return joinNonEmpty(", ", c.Name, c.Email, strings.ReplaceAll(c.Address, "\n", ", "))
}

func placeLine(p privacyd.Place) string {
	return p.Name + " (" + strings.ReplaceAll(string(p.Kind), "_", " ") + "): " + joinNonEmpty(", ", p.Country, p.Region, p.Processor, basisLine(p.Basis))
}

func processorLine(s privacyd.SubProcessor) string {
	return s.Name + ", " + s.Country + ": " + s.Purpose + ". Data: " + strings.Join(s.Categories, ", ") + "." + prefixed(" Transfer: ", s.Basis)
}

func basisLine(basis string) string { return prefixed("transfer: ", basis) }

func prefixed(before, text string) string {
	if text == "" {
		return ""
	}
	return before + text
}

func joinNonEmpty(between string, parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), between)
}
