using System.Text;
using HostAgent.Policy;

namespace HostAgent.Tests.Policy;

public sealed class BudgetTests
{
    [TestCase("500m", 500, "500m")]
    [TestCase("\"500m\"", 500, "500m")]
    [TestCase("1m", 1, "1m")]
    [TestCase("2", 2000, "2")]
    [TestCase("2000m", 2000, "2")]
    [TestCase("0.5", 500, "500m")]
    [TestCase("1.25", 1250, "1250m")]
    [TestCase("0.001", 1, "1m")]
    [TestCase("4096", 4_096_000, "4096")]
    public void A_quantity_is_read_as_Kubernetes_writes_it(string text, int millicores, string written)
    {
        CpuBudget? budget = Read($"budget: {{cpu: {text}}}").Policy?.Budget;
        Assert.That((budget, budget.ToString()), Is.EqualTo((new CpuBudget(millicores), written)));
    }

    [TestCase("0")]
    [TestCase("0m")]
    [TestCase("-1")]
    [TestCase("+1")]
    [TestCase("1.5m")]
    [TestCase("0.0005")]
    [TestCase("007m")]
    [TestCase("01")]
    [TestCase(".5")]
    [TestCase("1.")]
    [TestCase("1e3")]
    [TestCase("5_0")]
    [TestCase("50%")]
    [TestCase("1k")]
    [TestCase("500 m")]
    [TestCase("500M")]
    [TestCase("4096.001")]
    [TestCase("99999999999999999999")]
    [TestCase("true")]
    public void Anything_else_is_one_error_with_its_line_and_what_is_allowed(string text) => Assert.That(
        Read($"budget:\n  cpu: {text}").Errors.Single().In("p"),
        Does.StartWith("p:9: budget.cpu: must be an amount of CPU such as 500m, 0.5 or 2 (cores), from 1m to 4096, is "));

    [TestCase("budget:", "budget: must be a mapping with cpu")]
    [TestCase("budget: 500m", "budget: must be a mapping with cpu")]
    [TestCase("budget: {}", "budget.cpu: is missing; say how much CPU the agent may use")]
    [TestCase("budget: {cpu: }", "budget.cpu: must be an amount of CPU")]
    [TestCase("budget: {cpu: [1]}", "budget.cpu: must be an amount of CPU")]
    [TestCase("budget: {cpu: 1, memory: 1Gi}", "budget.memory: unknown key")]
    public void What_is_no_amount_is_an_error(string text, string error) =>
        Assert.That(Read(text).Errors.Single().In("p"), Does.StartWith("p:8: " + error));

    [Test]
    public void Without_one_there_is_none() => Assert.That(Read("").Policy, Has.Property("Budget").Null);

    private static PolicyResult Read(string line) => PolicyReader.Read(Encoding.UTF8.GetBytes(PolicyText.With(top: line)));
}
