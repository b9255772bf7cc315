package main

const comesUp = ""
