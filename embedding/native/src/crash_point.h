// Where a test ends the process on purpose, to see what a kill leaves behind.
#pragma once

namespace shardline {

// Kills the process by SIGKILL if SHARDLINE_CRASH_AT names this point: "<name>" or
// "<name>:<count>", for the count-th time that it is passed. Costs a load if it does not.
//
// embedding/checkpoint/crash_points.py is the same in Python, and counts on its own.
void crash_point(const char* name);

}  // namespace shardline
