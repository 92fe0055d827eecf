namespace HostAgent.Policy;

/// <summary>Reads the policy's <c>budget</c>.</summary>
internal static class BudgetReader
{
    private const string Allowed = "an amount of CPU such as 500m, 0.5 or 2 (cores), from 1m to 4096";

    /// <returns>Null when there is none, or it is wrong.</returns>
    public static CpuBudget? Read(YamlNode? node, PolicyErrors errors)
    {
        if (node is null || YamlFields.Of(node, errors, "cpu") is not { } fields) return null;
        YamlNode? cpu = fields.Required("cpu", "say how much CPU the agent may use, such as 500m, or remove budget");
        if (cpu is null) return null;
        if (cpu is not YamlNode.Scalar scalar || YamlScalars.IsNull(scalar))
        {
            errors.WrongType(cpu, Allowed);
            return null;
        }

        CpuBudget? budget = CpuBudget.Parse(scalar.Text);
        if (budget is null) errors.Add(cpu, $"must be {Allowed}, is {YamlPath.Quote(scalar.Text)}");
        return budget;
    }
}
