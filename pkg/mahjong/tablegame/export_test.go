package tablegame

// LeakDraws says whether the leak is built in.
const LeakDraws = leakDraws
