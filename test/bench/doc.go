// Package bench measures SCAF against named baselines of the same run. It is
// behind the build tag "bench" and run by
//
//	make bench [BENCH=ingest,verify,...] [DB=sqlite] [QUICK=1] [FULL=1]
//
// BENCH chooses sections, DB (sqlite or postgresql) one of the databases. QUICK=1 shortens every one of them, to see that it
// works: the figures then mean little, and are printed only. FULL=1 verifies a
// log of 10 million events. PROFILE=FOLDER writes CPU profiles of the parts
// that run in this process. What was measured takes the place of the section's
// earlier figures in docs/benchmarks.md (in the file OUT where it is given),
// whether a target was met or not.
package bench
