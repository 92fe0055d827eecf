// Most of a test's time is waiting: for a timeout, a capture's block, a program's start.
[assembly: LevelOfParallelism(3)]
