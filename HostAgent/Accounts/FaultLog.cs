using Microsoft.Extensions.Logging;

namespace HostAgent.Accounts;

/// <summary>
/// Logs, with the stack, what befalls a thread that goes on whatever befalls it: each kind of fault at once, and one that comes back once
/// in a while, with how often it did. For one thread.
/// </summary>
/// <param name="logger">Where to.</param>
/// <param name="part">What failed, as the beginning of the line, such as "Following the host's links".</param>
/// <param name="clock">For the times.</param>
internal sealed class FaultLog(ILogger logger, string part, TimeProvider? clock = null)
{
    private readonly Dictionary<Type, Damper> _kinds = [];

    public void Log(Exception fault)
    {
        if (!_kinds.TryGetValue(fault.GetType(), out Damper? damper))
            _kinds[fault.GetType()] = damper = new Damper(1, clock ?? TimeProvider.System);
        damper.Happened();
        if (damper.Due() is not (> 0 and int times)) return;
        if (times == 1) logger.LogError(fault, "{Part} failed; it is tried again", part);
        else logger.LogError(fault, "{Part} failed {Times} times since this was last logged; it is tried again", part, times);
    }
}
