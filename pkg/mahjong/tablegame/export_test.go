package tablegame

// LeakDraws reports whether the leak is built in.
const LeakDraws = leakDraws
