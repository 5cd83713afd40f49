package reduceprocessor

import (
	"math"

	"go.opentelemetry.io/collector/pdata/pmetric"
)

// number is a point's value: an integer stays one, so that sums of integers are exact.
type number struct {
	bits  uint64
	isInt bool
}

func intNumber(value int64) number {
	return number{bits: uint64(value), isInt: true} //nolint:gosec // the same bits, read back by int()
}

func doubleNumber(value float64) number {
	return number{bits: math.Float64bits(value)}
}

func numberOf(point pmetric.NumberDataPoint) number {
	if point.ValueType() == pmetric.NumberDataPointValueTypeInt {
		return intNumber(point.IntValue())
	}
	return doubleNumber(point.DoubleValue())
}

func (n number) int() int64 {
	return int64(n.bits) //nolint:gosec // the bits of intNumber
}

func (n number) double() float64 {
	if n.isInt {
		return float64(n.int())
	}
	return math.Float64frombits(n.bits)
}

func (n number) minus(other number) number {
	if n.isInt && other.isInt {
		return intNumber(n.int() - other.int())
	}
	return doubleNumber(n.double() - other.double())
}

func (n number) plus(other number) number {
	if n.isInt && other.isInt {
		return intNumber(n.int() + other.int())
	}
	return doubleNumber(n.double() + other.double())
}

func (n number) less(other number) bool {
	if n.isInt && other.isInt {
		return n.int() < other.int()
	}
	return n.double() < other.double()
}

// zero of the same type.
func (n number) zero() number {
	return number{isInt: n.isInt}
}

func (n number) put(point pmetric.NumberDataPoint) {
	if n.isInt {
		point.SetIntValue(n.int())
	} else {
		point.SetDoubleValue(n.double())
	}
}
