package main

const (
	audit = "clean"
	hangs = false
)
