##! Adds the Kubernetes pod or service behind each address of a connection to conn.log, as orig_pod and resp_pod.
##!
##! The host agent keeps the map (its policy's podMap). Each Zeek process reads it for itself: the Input Framework knows nothing of
##! clusters, and all workers of a node see the same file.

@load base/frameworks/input
@load base/protocols/conn

module HostAgentPods;

export {
	## The agent's podMap.directory, as this process sees it, and the file in it.
	const map_file = "/run/host-agent/pods/pods.tsv" &redef;

	## Keys of the labels that are logged. None by default: labels are many, and they are repeated in every line.
	const logged_labels: set[string] = set() &redef;

	## Who had an address.
	type Pod: record {
		## Its namespace.
		ns: string &log;
		## Its name.
		name: string &log;
		## The node that it runs on. A service has none.
		node: string &log &optional;
		## The node's own address.
		node_ip: addr &log &optional;
		## Those of its labels whose keys are in logged_labels, as key=value.
		labels: set[string] &log &optional;
	};

	## Who has the address now, if the map knows it.
	global find: function(a: addr): Pod;

	## Whether the map knows the address.
	global knows: function(a: addr): bool;
}

## The key of the map's table.
type Index: record {
	ip: addr;
};

## The other columns of the map. "-" is a field that is not set.
type Row: record {
	ns: string;
	name: string;
	node: string &optional;
	node_ip: addr &optional;
	uid: string;
	since: time;
	labels: set[string];
	kind: string;
};

global rows: table[addr] of Row = table();

# A connection is looked up when it begins: at its end its pod may be gone, and its address another's.
redef record connection += {
	host_agent_orig: Pod &optional;
	host_agent_resp: Pod &optional;
};

redef record Conn::Info += {
	orig_pod: Pod &log &optional;
	resp_pod: Pod &log &optional;
};

function knows(a: addr): bool
	{
	return a in rows;
	}

function find(a: addr): Pod
	{
	local row = rows[a];
	local pod = Pod($ns=row$ns, $name=row$name);

	if ( row?$node )
		pod$node = row$node;

	if ( row?$node_ip )
		pod$node_ip = row$node_ip;

	if ( |logged_labels| > 0 )
		{
		pod$labels = set();

		for ( label in row$labels )
			{
			if ( split_string1(label, /=/)[0] in logged_labels )
				add pod$labels[label];
			}
		}

	return pod;
	}

# Whether the map has been read, or could not be.
global looked = F;

function begin()
	{
	if ( ! looked )
		continue_processing();

	looked = T;
	}

event Input::end_of_data(name: string, source: string)
	{
	if ( name == "host-agent-pods" )
		begin();
	}

event map_error(description: Input::TableDescription, message: string, level: Reporter::Level)
	{
	begin();
	}

event zeek_init()
	{
	# A thread reads the map. Packets wait for it: otherwise the connections at the start have no names, and a small file (-r) none at all.
	suspend_processing();

	# A map that is not there yet is an error here, and is read when it comes. The agent replaces the file, so that its inode changes.
	if ( ! Input::add_table([$source=map_file, $name="host-agent-pods", $idx=Index, $val=Row, $destination=rows, $mode=Input::REREAD,
	                         $error_ev=map_error]) )
		begin();
	}

function look_up(c: connection)
	{
	delete c$host_agent_orig;
	delete c$host_agent_resp;

	if ( knows(c$id$orig_h) )
		c$host_agent_orig = find(c$id$orig_h);

	if ( knows(c$id$resp_h) )
		c$host_agent_resp = find(c$id$resp_h);
	}

event new_connection(c: connection)
	{
	look_up(c);
	}

# A connection whose first packet was not seen begins the wrong way round, and Zeek turns it over some packets later.
event connection_flipped(c: connection)
	{
	look_up(c);
	}

# Between the making of the record (priority 5) and its writing (-5), both in base/protocols/conn.
event connection_state_remove(c: connection)
	{
	# A new pod's row comes a second or two after its first packets. By now it may be there, and says since when.
	if ( knows(c$id$orig_h) && rows[c$id$orig_h]$since <= c$start_time )
		c$host_agent_orig = find(c$id$orig_h);

	if ( knows(c$id$resp_h) && rows[c$id$resp_h]$since <= c$start_time )
		c$host_agent_resp = find(c$id$resp_h);

	if ( c?$host_agent_orig )
		c$conn$orig_pod = c$host_agent_orig;

	if ( c?$host_agent_resp )
		c$conn$resp_pod = c$host_agent_resp;
	}
