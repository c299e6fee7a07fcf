package web

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/privacyd/privacyd/engine"
)

// chart is a picture of bars with the same in words.
type chart struct {
	ID                  string // the start of its ids on the page
	Title, Text         string
	From, Middle, Until string // below the bars
	Bars                []bar90
	Most                int64 // the value of the highest bar
}

// bar90 is one bar, in the chart's own units.
type bar90 struct {
	Value     int64
	Y, Height string
}

const (
	chartHeight = 100
	barStep     = 10
	barWidth    = 8
)

// scale gives each bar its height; what is more than nothing can be seen.
func (c *chart) scale(most int64) {
	c.Most = most
	for i, b := range c.Bars {
		height := int64(0)
		if most > 0 && b.Value > 0 {
			height = max(3, b.Value*chartHeight/most)
		}
		c.Bars[i].Height = strconv.FormatInt(height, 10)
		c.Bars[i].Y = strconv.FormatInt(chartHeight-height, 10)
	}
}

func (c chart) viewBox() string {
	return "0 0 " + strconv.Itoa(len(c.Bars)*barStep) + " " + strconv.Itoa(chartHeight)
}

func barX(i int) string { return strconv.Itoa(i*barStep + (barStep-barWidth)/2) }

// sizeBar is a collection as a bar of a list.
type sizeBar struct {
	Name    string
	Records int64
	Width   string // of 100
}

// ownDataset is that of privacyd's own tables, which nobody asks about here.
const ownDataset = "privacyd"

// sizeBars are the collections of a workspace as bars, the largest first.
func sizeBars(list []engine.CollectionSize) []sizeBar {
	list = slices.DeleteFunc(slices.Clone(list), func(s engine.CollectionSize) bool { return s.Dataset == ownDataset })
	slices.SortStableFunc(list, func(a, b engine.CollectionSize) int { return cmp.Compare(b.Records, a.Records) })
	var most int64
	for _, s := range list {
		most = max(most, s.Records)
	}
	var bars []sizeBar
	for _, s := range list {
		width := int64(0)
		if s.Records > 0 {
			width = max(1, s.Records*100/most)
		}
		bars = append(bars, sizeBar{Name: sentence(s.Collection), Records: s.Records, Width: strconv.FormatInt(width, 10)})
	}
	return bars
}

func totalSize(list []engine.CollectionSize) int64 {
	var n int64
	for _, s := range list {
		if s.Dataset != ownDataset {
			n += s.Records
		}
	}
	return n
}
