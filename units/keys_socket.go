package units

import (
	"math"
	"time"
)

var socketKeys = []Key{
	{
		Section: "socket", Name: "listen_stream", Type: TypeAddresses, Unset: "none",
		Doc:    "Addresses of TCP, Unix and vsock stream sockets.",
		Xinetd: "port, bind", Systemd: "ListenStream", Upstart: "start on socket",
		own: true, field: listen,
	},
	{
		Section: "socket", Name: "listen_datagram", Type: TypeAddresses, Unset: "none",
		Doc:    "Addresses of UDP and Unix datagram sockets.",
		Xinetd: "socket_type", Systemd: "ListenDatagram",
		own: true, field: listen,
	},
	{
		Section: "socket", Name: "listen_sequential_packet", Type: TypeAddresses, Unset: "none",
		Doc:    "Paths and abstract names of Unix sequential packet sockets.",
		Xinetd: "socket_type", Systemd: "ListenSequentialPacket",
		own: true, field: listen,
	},
	{
		Section: "socket", Name: "listen_fifo", Type: TypeAddresses, Unset: "none",
		Doc:     "Paths of FIFOs.",
		Systemd: "ListenFIFO",
		own:     true, field: listen,
	},
	{
		Section: "socket", Name: "accept", Type: TypeBool, Default: `false`,
		Doc:    "`true` accepts each connection and starts one process for it; `false` gives the listening sockets to the service, which accepts by itself.",
		Xinetd: "wait", Systemd: "Accept",
		own: true, field: func(s slot) any { return &s.socket.Accept },
	},
	{
		Section: "socket", Name: "backlog", Type: TypeInteger, Default: `4294967295`, Min: 1, Max: math.MaxUint32,
		Doc:     "How many connections may wait to be accepted; the kernel allows at most net.core.somaxconn.",
		Systemd: "Backlog",
		field:   func(s slot) any { return &s.socket.Backlog },
	},
	{
		Section: "socket", Name: "bind_ipv6_only", Type: TypeChoice, Default: `"default"`, Words: []string{"default", "both", "ipv6-only"},
		Doc:    "Whether an IPv6 socket takes IPv4 clients too; `default` is what net.ipv6.bindv6only says, and for a port alone `both`.",
		Xinetd: "v6only", Systemd: "BindIPv6Only",
		field: func(s slot) any { return &s.socket.BindIPv6Only },
	},
	{
		Section: "socket", Name: "bind_to_device", Type: TypeString, Default: `""`,
		Doc:     "The network interface that the sockets are bound to.",
		Systemd: "BindToDevice",
		field:   func(s slot) any { return &s.socket.BindToDevice }, check: deviceName,
	},
	{
		Section: "socket", Name: "socket_user", Type: TypeString, Unset: "the manager's",
		Doc:     "The owner of the nodes of Unix sockets and FIFOs, by name or number.",
		Systemd: "SocketUser",
		field:   func(s slot) any { return &s.rawSocket.user }, check: accountName, show: func(s slot) string { return idText(s.socket.SocketUID) },
	},
	{
		Section: "socket", Name: "socket_group", Type: TypeString, Unset: "the group of `socket_user`, else the manager's",
		Doc:    "The group of the nodes, by name or number.",
		Xinetd: "", Systemd: "SocketGroup",
		field: func(s slot) any { return &s.rawSocket.group }, check: accountName, show: func(s slot) string { return idText(s.socket.SocketGID) },
	},
	{
		Section: "socket", Name: "socket_mode", Type: TypeMode, Default: `"0666"`, Max: 0o777,
		Doc:     "The permissions of the nodes; connecting to a Unix socket takes the permission to write.",
		Systemd: "SocketMode",
		field:   func(s slot) any { return &s.socket.SocketMode },
	},
	{
		Section: "socket", Name: "directory_mode", Type: TypeMode, Default: `"0755"`, Max: 0o777,
		Doc:     "The permissions of folders that are made for the nodes.",
		Systemd: "DirectoryMode",
		field:   func(s slot) any { return &s.socket.DirectoryMode },
	},
	{
		Section: "socket", Name: "max_connections", Type: TypeLimit, Default: `64`, Min: 1, Max: math.MaxInt32, Infinite: true,
		Doc:    "With `accept = true`, how many connections are served at once.",
		Xinetd: "instances", Systemd: "MaxConnections",
		field: func(s slot) any { return &s.socket.MaxConnections },
	},
	{
		Section: "socket", Name: "max_connections_per_source", Type: TypeLimit, Unset: "a quarter of `max_connections`, at least 1",
		Min: 1, Max: math.MaxInt32, Infinite: true,
		Doc:    "With `accept = true`, how many of them one peer may have.",
		Xinetd: "per_source", Systemd: "MaxConnectionsPerSource",
		field: func(s slot) any { return &s.socket.MaxConnectionsPerSource },
	},
	{
		Section: "socket", Name: "keep_alive", Type: TypeBool, Default: `false`,
		Doc:    "Probe idle connections, so that those whose peer is gone end (SO_KEEPALIVE).",
		Xinetd: "flags = KEEPALIVE", Systemd: "KeepAlive",
		field: func(s slot) any { return &s.socket.KeepAlive },
	},
	{
		Section: "socket", Name: "keep_alive_time_sec", Type: TypeDuration, Unset: "the kernel's", Min: int64(time.Second), Max: int64(32767 * time.Second),
		Doc:     "How long a connection is idle before the first probe, in whole seconds (TCP_KEEPIDLE).",
		Systemd: "KeepAliveTimeSec",
		field:   func(s slot) any { return &s.socket.KeepAliveTimeSec }, whole: true,
	},
	{
		Section: "socket", Name: "keep_alive_interval_sec", Type: TypeDuration, Unset: "the kernel's", Min: int64(time.Second), Max: int64(32767 * time.Second),
		Doc:     "The time between probes, in whole seconds (TCP_KEEPINTVL).",
		Systemd: "KeepAliveIntervalSec",
		field:   func(s slot) any { return &s.socket.KeepAliveIntervalSec }, whole: true,
	},
	{
		Section: "socket", Name: "keep_alive_probes", Type: TypeInteger, Unset: "the kernel's", Min: 1, Max: 127,
		Doc:     "How many probes go unanswered before the connection ends (TCP_KEEPCNT).",
		Systemd: "KeepAliveProbes",
		field:   func(s slot) any { return &s.socket.KeepAliveProbes },
	},
	{
		Section: "socket", Name: "no_delay", Type: TypeBool, Default: `false`,
		Doc:    "Send small segments at once (TCP_NODELAY).",
		Xinetd: "flags = NODELAY", Systemd: "NoDelay",
		field: func(s slot) any { return &s.socket.NoDelay },
	},
	{
		Section: "socket", Name: "priority", Type: TypeInteger, Unset: "the kernel's", Max: math.MaxInt32,
		Doc:     "The queueing priority of what is sent (SO_PRIORITY); above 6 it takes CAP_NET_ADMIN.",
		Systemd: "Priority",
		field:   func(s slot) any { return &s.socket.Priority },
	},
	{
		Section: "socket", Name: "defer_accept_sec", Type: TypeDuration, Default: `0`, Max: int64(32767 * time.Second),
		Doc:     "Wait for the client's first bytes before the connection counts, at most so long, in whole seconds (TCP_DEFER_ACCEPT); 0 is off.",
		Systemd: "DeferAcceptSec",
		field:   func(s slot) any { return &s.socket.DeferAcceptSec }, whole: true,
	},
	{
		Section: "socket", Name: "receive_buffer", Type: TypeSize, Unset: "the kernel's", Min: 1, Max: math.MaxInt32 / 2,
		Doc:     "The size of the receive buffer (SO_RCVBUF).",
		Systemd: "ReceiveBuffer",
		field:   func(s slot) any { return &s.socket.ReceiveBuffer },
	},
	{
		Section: "socket", Name: "send_buffer", Type: TypeSize, Unset: "the kernel's", Min: 1, Max: math.MaxInt32 / 2,
		Doc:     "The size of the send buffer (SO_SNDBUF).",
		Systemd: "SendBuffer",
		field:   func(s slot) any { return &s.socket.SendBuffer },
	},
	{
		Section: "socket", Name: "ip_tos", Type: TypeInteger, Unset: "the kernel's", Max: 255,
		Words:   []string{"low-delay", "throughput", "reliability", "low-cost"},
		Doc:     "The type-of-service byte of what is sent (IP_TOS).",
		Systemd: "IPTOS",
		field:   func(s slot) any { return &s.socket.IPTOS },
	},
	{
		Section: "socket", Name: "ip_ttl", Type: TypeInteger, Unset: "the kernel's", Min: 1, Max: 255,
		Doc:     "The time to live, or hop limit, of what is sent (IP_TTL, IPV6_UNICAST_HOPS).",
		Systemd: "IPTTL",
		field:   func(s slot) any { return &s.socket.IPTTL },
	},
	{
		Section: "socket", Name: "mark", Type: TypeInteger, Unset: "none", Max: math.MaxUint32,
		Doc:     "The firewall mark of what is sent (SO_MARK).",
		Systemd: "Mark",
		field:   func(s slot) any { return &s.socket.Mark },
	},
	{
		Section: "socket", Name: "reuse_port", Type: TypeBool, Default: `false`,
		Doc:     "Let several sockets be bound to the address (SO_REUSEPORT).",
		Systemd: "ReusePort",
		field:   func(s slot) any { return &s.socket.ReusePort },
	},
	{
		Section: "socket", Name: "free_bind", Type: TypeBool, Default: `false`,
		Doc:     "Bind to addresses that the host does not have yet (IP_FREEBIND).",
		Systemd: "FreeBind",
		field:   func(s slot) any { return &s.socket.FreeBind },
	},
	{
		Section: "socket", Name: "transparent", Type: TypeBool, Default: `false`,
		Doc:     "Take connections to addresses of other hosts (IP_TRANSPARENT).",
		Systemd: "Transparent",
		field:   func(s slot) any { return &s.socket.Transparent },
	},
	{
		Section: "socket", Name: "broadcast", Type: TypeBool, Default: `false`,
		Doc:     "Let datagrams be sent to broadcast addresses (SO_BROADCAST).",
		Systemd: "Broadcast",
		field:   func(s slot) any { return &s.socket.Broadcast },
	},
	{
		Section: "socket", Name: "pass_credentials", Type: TypeBool, Default: `false`,
		Doc:     "Let Unix sockets receive the sender's credentials (SO_PASSCRED).",
		Systemd: "PassCredentials",
		field:   func(s slot) any { return &s.socket.PassCredentials },
	},
	{
		Section: "socket", Name: "pass_packet_info", Type: TypeBool, Default: `false`,
		Doc:     "Let datagram sockets receive each packet's destination (IP_PKTINFO, IPV6_RECVPKTINFO).",
		Systemd: "PassPacketInfo",
		field:   func(s slot) any { return &s.socket.PassPacketInfo },
	},
	{
		Section: "socket", Name: "tcp_congestion", Type: TypeString, Default: `""`,
		Doc:     "The name of the TCP congestion control algorithm (TCP_CONGESTION).",
		Systemd: "TCPCongestion",
		field:   func(s slot) any { return &s.socket.TCPCongestion }, check: congestionName,
	},
	{
		Section: "socket", Name: "socket_protocol", Type: TypeString, Default: `""`, Words: []string{"mptcp"},
		Doc:     "The protocol of stream sockets with an IP address in place of TCP.",
		Systemd: "SocketProtocol",
		field:   func(s slot) any { return &s.socket.SocketProtocol },
	},
	{
		Section: "socket", Name: "remove_on_stop", Type: TypeBool, Default: `false`,
		Doc:     "Remove the nodes and their symlinks when the unit stops.",
		Systemd: "RemoveOnStop",
		field:   func(s slot) any { return &s.socket.RemoveOnStop },
	},
	{
		Section: "socket", Name: "symlinks", Type: TypeList, Default: `[]`,
		Doc:     "Absolute paths that become links to the one node of these sockets.",
		Systemd: "Symlinks",
		own:     true, field: func(s slot) any { return &s.socket.Symlinks }, check: absolutePath,
	},
	{
		Section: "socket", Name: "file_descriptor_name", Type: TypeString, Unset: "the unit's name, `:` as `_`; with `accept = true` `connection`",
		Doc:     "The name of the descriptors in LISTEN_FDNAMES.",
		Systemd: "FileDescriptorName",
		own:     true, field: func(s slot) any { return &s.socket.FileDescriptorName }, check: descriptorName,
	},
	{
		Section: "socket", Name: "poll_limit_interval_sec", Type: TypeDuration, Default: `2`, Min: 1, Max: math.MaxInt64,
		Doc: "The time in which `poll_limit_burst` counts.", Systemd: "PollLimitIntervalSec",
	},
	{
		Section: "socket", Name: "poll_limit_burst", Type: TypeLimit, Unset: "150 with `accept = true`, else 15", Min: 1, Max: math.MaxInt32, Infinite: true,
		Doc: "How often a socket may wake the manager before it is left alone for the rest of the interval.", Xinetd: "cps", Systemd: "PollLimitBurst",
	},
	{
		Section: "socket", Name: "network_namespace_path", Type: TypeString, Unset: "the manager's",
		Doc: "The network namespace in which the sockets are made, by its path.", Systemd: "NetworkNamespacePath",
	},
	{
		Section: "socket", Name: "flush_pending", Type: TypeBool, Default: `false`,
		Doc: "With `accept = false`, refuse what waits on the sockets when the service ends.", Systemd: "FlushPending",
	},
}

func listen(s slot) any { return &s.socket.Listen }
