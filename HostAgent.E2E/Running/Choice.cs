using System.Text.RegularExpressions;
using NUnit.Framework.Interfaces;
using NUnit.Framework.Internal;

namespace HostAgent.E2E.Running;

/// <summary>Which tests run: those of some classes whose names one of the regular expressions matches.</summary>
/// <param name="names">For Class.Method; none for all.</param>
internal sealed class Choice(Predicate<Type> classes, IReadOnlyCollection<string> names) : TestFilter
{
    public override bool Match(ITest test) => !test.IsSuite && classes(test.TypeInfo!.Type)
        && (names.Count == 0 || names.Any(n => Regex.IsMatch($"{test.TypeInfo.Type.Name}.{test.Name}", n)));

    // Only for protocols between processes.
    public override TNode AddToXml(TNode parentNode, bool recursive) => parentNode.AddElement("choice");
}
