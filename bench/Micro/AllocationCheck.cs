using System.Text.Json;
using BenchmarkDotNet.Reports;

namespace HostAgent.Bench.Micro;

/// <summary>What each benchmark may allocate for an operation, in bytes: allocations.json, by "Class.Method".</summary>
internal static class AllocationCheck
{
    /// <summary>
    /// What no object on the heap falls short of, in bytes; less for a call is the share of something that other threads of the process
    /// did.
    /// </summary>
    private const double SmallestObject = 24;

    private static readonly Dictionary<string, double> Expected =
        JsonSerializer.Deserialize<Dictionary<string, double>>(
            File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "allocations.json")))!;

    /// <returns>False when a benchmark failed, is not in the file, or allocated more than the file says.</returns>
    public static bool Report(Summary summary, TextWriter output)
    {
        bool right = !summary.HasCriticalValidationErrors;
        foreach (BenchmarkReport report in summary.Reports)
        {
            string name = $"{report.BenchmarkCase.Descriptor.Type.Name}.{report.BenchmarkCase.Descriptor.WorkloadMethod.Name}";
            string shown = $"{name} {report.BenchmarkCase.Parameters.DisplayInfo}";
            if (!report.Success || report.GcStats.GetTotalAllocatedBytes(excludeAllocationQuantumSideEffects: true) is not { } total)
            {
                output.WriteLine($"FAILED  {shown} did not run");
                right = false;
                continue;
            }

            double each = (double)total / report.GcStats.TotalOperations;
            if (!Expected.TryGetValue(name, out double most))
            {
                output.WriteLine($"FAILED  {name} is not in allocations.json");
                right = false;
            }
            else if (each >= most + (SmallestObject / report.BenchmarkCase.Descriptor.OperationsPerInvoke))
            {
                output.WriteLine($"FAILED  {shown} allocates {each:N2} bytes an operation, not {most:N0}");
                right = false;
            }
        }

        if (right) output.WriteLine($"allocations as expected: {summary.Title}");
        return right;
    }
}
