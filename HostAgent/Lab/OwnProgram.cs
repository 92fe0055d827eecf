namespace HostAgent.Lab;

/// <summary>How to start this program again, for the agent and the receiver that the demo runs.</summary>
internal static class OwnProgram
{
    /// <summary>The program and its first arguments: the published executable itself, or dotnet and the assembly.</summary>
    public static string[] Command
    {
        get
        {
            string process = Environment.ProcessPath ?? "";
            string name = typeof(OwnProgram).Assembly.GetName().Name!;
            if (Path.GetFileName(process) == name) return [process];
            string dotnet = Path.GetFileName(process) == "dotnet" ? process : "dotnet";
            return [dotnet, Path.Combine(AppContext.BaseDirectory, name + ".dll")];
        }
    }
}
