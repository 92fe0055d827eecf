using NUnit.Framework.Interfaces;
using NUnit.Framework.Internal;

namespace HostAgent.E2E.Running;

/// <summary>
/// A setting without which a test is left out, with the reason. It is also a category of the test.
/// </summary>
/// <param name="setting">As it is given to make: CLUSTER=DIR, LONG=1. The variable counts as given when it is not empty.</param>
[AttributeUsage(AttributeTargets.Method, AllowMultiple = true)]
internal sealed class NeedsAttribute(string setting) : NUnitAttribute, IApplyToTest
{
    public void ApplyToTest(Test test)
    {
        string variable = setting[..setting.IndexOf('=', StringComparison.Ordinal)];
        test.Properties.Add(PropertyNames.Category, variable);
        if (Settings.Has(variable)) return;
        test.RunState = RunState.Ignored;
        test.Properties.Set(PropertyNames.SkipReason, $"needs {setting}");
    }
}
