/* Port control over a cable: we at one end of it, a host inside at the other. */
#include "service/nat/io_ports.h"

#include "base/writer.h"
#include "os/fd.h"
#include "os/file.h"
#include "os/icmp.h"
#include "os/tcp.h"
#include "proto/upnp/ssdp.h"
#include "service/nat/ports_world_test.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "os/veth_test.h"

struct stage {
	struct cable cable;
	struct loop loop;
	struct world world; /* its list is not used: io has its own */
	struct portctl_conf conf;
	struct ports_io io;
	struct ports_place places[2];
	struct udp_socket host; /* at the other end, as all that follow */
	struct udp_socket announced;
	char state[32];
	uint8_t in[2048];
	size_t in_len;
	struct ip_endpoint from;
};

static const struct ip_endpoint pcp_port = {.address = {4, {10, 9, 1, 1}}, .port = 5351},
				http_port = {.address = {4, {10, 9, 1, 1}}, .port = 1900};

static bool waits(int fd, int ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	return poll(&p, 1, ms) == 1;
}

/* Lets the service work until something is there for fd, at most about `turns` times 10 ms. */
static bool serve_until(struct stage *s, int fd, unsigned turns)
{
	for (unsigned i = 0; i < turns; i++) {
		if (waits(fd, 0))
			return true;
		if (loop_turn(&s->loop, 10))
			return false;
	}
	return waits(fd, 0);
}

/* The next datagram; false: none came. */
static bool next(struct stage *s, const struct udp_socket *at, unsigned turns)
{
	return serve_until(s, at->fd, turns) &&
	       udp_receive_one(at, s->in, sizeof(s->in) - 1, &s->in_len, &s->from, NULL) == OK &&
	       s->in_len < sizeof(s->in);
}

static enum err serve_begin(struct stage *s)
{
	struct activation nothing = {0};
	struct ports_begin b = {&s->loop, &s->world.rules, &s->world.effects, s->state};
	TRY(ports_io_open(&s->io, &s->conf, &nothing));
	TRY(ports_io_begin(&s->io, &b));
	ports_io_places(&s->io, s->places, 2);
	return OK;
}

static enum err host_open(struct stage *s)
{
	const struct ip_endpoint any = {.address = {.family = 4}},
				 told = {.address = {.family = 4}, .port = PCP_CLIENT_PORT};
	int a = -1, b = -1;
	TRY(netns_enter(s->cable.there));
	TRY(udp_open(&any, 0, &a));
	TRY(udp_prepare(a, 0, &s->host));
	TRY(udp_open(&told, 0, &b));
	TRY(udp_prepare(b, 0, &s->announced));
	return netns_enter(s->cable.here);
}

static enum err set_up(struct stage *s)
{
	*s = (struct stage){.state = "/tmp/gatehouse-ports-XXXXXX"};
	TRY(cable_lay(&s->cable));
	if (!mkdtemp(s->state))
		return err_errno();
	world_begin(&s->world);
	s->world.rule.hosts_n = 0;
	s->conf = (struct portctl_conf){
		.pcp = true, .nat_pmp = true, .upnp = true, .upnp_port = http_port.port};
	s->places[0] = (struct ports_place){s->cable.v0, "lan", cable_left4, 24};
	s->places[1] = (struct ports_place){s->cable.v0, "lan", cable_left6, 64};
	TRY(loop_init(&s->loop));
	TRY(host_open(s));
	return serve_begin(s);
}

static void tear_down(struct stage *s)
{
	ports_io_done(&s->io);
	loop_done(&s->loop);
	world_end(&s->world);
	fd_done(&s->host.fd);
	fd_done(&s->announced.fd);
	err_ignore(dir_remove(s->state)); /* of /tmp */
}

/* --- PCP --- */

static size_t map_request(uint8_t room[PCP_MESSAGE_MAX], uint16_t port)
{
	static const struct ip_address any = {.family = 4};
	static const uint8_t nonce[PCP_NONCE_LEN] = {7};
	struct writer w = writer_of(room, PCP_MESSAGE_MAX);
	write_u32(&w, (uint32_t)PCP_VERSION << 24 | (uint32_t)PCP_MAP << 16);
	write_u32(&w, 3600);
	pcp_write_address(&w, &cable_right4);
	write_bytes(&w, nonce, sizeof(nonce));
	write_u32(&w, (uint32_t)PORTCTL_TCP << 24);
	write_u16(&w, port);
	write_u16(&w, port);
	pcp_write_address(&w, &any);
	return w.pos;
}

static int over_pcp(struct stage *s)
{
	uint8_t room[PCP_MESSAGE_MAX];
	/* Announcements come by themselves: at the start, and to all. A new cable may lose one. */
	CHILD_CHECK(next(s, &s->announced, 300));
	CHILD_CHECK(ip_endpoint_equal(&s->from, &pcp_port));
	CHILD_CHECK(s->in_len == 24 ? s->in[0] == 2 && s->in[1] == 0x80
				    : s->in_len == 12 && s->in[0] == 0 && s->in[1] == 0x80);
	size_t len = map_request(room, 8080);
	CHILD_CHECK(!udp_send_to(&s->host, NULL, &pcp_port, span_of(room, len)));
	CHILD_CHECK(next(s, &s->host, 300));
	CHILD_CHECK(ip_endpoint_equal(&s->from, &pcp_port));
	CHILD_CHECK(s->in_len == 60 && s->in[1] == 0x81 && s->in[3] == PCP_SUCCESS);
	CHILD_CHECK(world_find(&s->world, PORTCTL_TCP, "10.9.1.2:8080"));
	CHILD_CHECK(!udp_send_to(&s->host, NULL, &pcp_port, span_of("\0\0", 2)));
	CHILD_CHECK(next(s, &s->host, 300) && s->in_len == 12 && s->in[3] == 0);
	return 0;
}

/* RFC 6886 3.1: what comes by a device that is not inside gets no answer. */
static int from_outside(struct stage *s)
{
	uint8_t room[PCP_MESSAGE_MAX];
	uint64_t before = s->io.strangers;
	ports_io_places(&s->io, NULL, 0);
	size_t len = map_request(room, 9090);
	CHILD_CHECK(!udp_send_to(&s->host, NULL, &pcp_port, span_of(room, len)));
	for (unsigned i = 0; i < 300 && s->io.strangers == before; i++)
		CHILD_CHECK(!loop_turn(&s->loop, 10));
	CHILD_CHECK(s->io.strangers == before + 1 && !waits(s->host.fd, 0));
	CHILD_CHECK(!world_find(&s->world, PORTCTL_TCP, "10.9.1.2:9090"));
	ports_io_places(&s->io, s->places, 2);
	return 0;
}

/* --- UPnP --- */

static int over_ssdp(struct stage *s)
{
	static const char search[] = "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\n"
				     "ST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\n"
				     "MAN: \"ssdp:discover\"\r\nMX: 1\r\n\r\n";
	const struct ip_endpoint group = {.address = {4, {239, 255, 255, 250}}, .port = SSDP_PORT};
	/* A join may take effect a moment later at the other end of a new cable. */
	bool found = false;
	for (unsigned i = 0; i < 5 && !found; i++) {
		CHILD_CHECK(!udp_send_to(&s->host, &cable_right4, &group, span_text(search)));
		found = next(s, &s->host, 100);
	}
	CHILD_CHECK(found && s->from.port == SSDP_PORT);
	CHILD_CHECK(ip_address_equal(&s->from.address, &cable_left4));
	s->in[s->in_len] = 0;
	CHILD_CHECK(strstr((const char *)s->in, "LOCATION: http://10.9.1.1:1900/v1/device.xml"));
	/* by unicast too, at once; and nothing for what is not here */
	const struct ip_endpoint to = {.address = cable_left4, .port = SSDP_PORT};
	CHILD_CHECK(!udp_send_to(&s->host, NULL, &to,
				 span_text("M-SEARCH * HTTP/1.1\r\nST: upnp:rootdevice\r\n"
					   "MAN: \"ssdp:discover\"\r\n\r\n")));
	CHILD_CHECK(next(s, &s->host, 300));
	CHILD_CHECK(!udp_send_to(&s->host, NULL, &to,
				 span_text("M-SEARCH * HTTP/1.1\r\nST: urn:other\r\n"
					   "MAN: \"ssdp:discover\"\r\n\r\n")));
	CHILD_CHECK(!next(s, &s->host, 5));
	return 0;
}

/* What is answered to these bytes until the end; false: nothing. */
static bool exchange(struct stage *s, int in_namespace, const char *text, char *ret, size_t size)
{
	AUTO_DONE(fd_done) int fd = -1;
	size_t n, len = 0;
	enum err e = netns_enter(in_namespace);
	if (!e)
		e = tcp_connect(&http_port, NULL, &fd);
	if (netns_enter(s->cable.here) || e)
		return false;
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	if (poll(&p, 1, 2000) != 1 || tcp_connect_result(fd) || tcp_write(fd, span_text(text), &n))
		return false;
	while (serve_until(s, fd, 300)) {
		e = tcp_read(fd, ret + len, size - 1 - len, &n);
		len += e ? 0 : n;
		ret[len] = 0;
		if (e)
			return e == ERR_CLOSED && len;
	}
	return false;
}

#define BODY                                                                                       \
	"<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>"               \
	"<u:GetExternalIPAddress xmlns:u=\"urn:schemas-upnp-org:service:WANIPConnection:1\"/>"     \
	"</s:Body></s:Envelope>"
#define HEAD                                                                                       \
	"POST /control/WANIPConnection HTTP/1.1\r\nHost: 10.9.1.1:1900\r\n"                        \
	"Content-Type: text/xml\r\n"                                                               \
	"SOAPAction: \"urn:schemas-upnp-org:service:WANIPConnection:1#GetExternalIPAddress\"\r\n"

static int over_http(struct stage *s)
{
	char out[4096], text[2048];
	int there = s->cable.there;
	struct writer w = writer_of(text, sizeof(text) - 1);
	CHILD_CHECK(exchange(s, there, "GET /v2/device.xml HTTP/1.1\r\nHost: 10.9.1.1:1900\r\n\r\n",
			     out, sizeof(out)));
	CHILD_CHECK(strstr(out, "HTTP/1.1 200 ") && strstr(out, "</root>"));
	write_format(&w, HEAD "Content-Length: %zu\r\n\r\n%s", strlen(BODY), BODY);
	text[w.pos] = 0;
	CHILD_CHECK(exchange(s, there, text, out, sizeof(out)));
	CHILD_CHECK(strstr(out, "<NewExternalIPAddress>203.0.113.7</NewExternalIPAddress>"));
	/* in chunks */
	w = writer_of(text, sizeof(text) - 1);
	write_format(&w,
		     HEAD "Transfer-Encoding: chunked\r\n\r\n8\r\n%.8s\r\n%zx\r\n%s\r\n0\r\n\r\n",
		     BODY, strlen(BODY) - 8, &BODY[8]);
	text[w.pos] = 0;
	CHILD_CHECK(exchange(s, there, text, out, sizeof(out)));
	CHILD_CHECK(strstr(out, "203.0.113.7"));
	CHILD_CHECK(exchange(s, there, HEAD "Content-Length: 100000\r\n\r\n", out, sizeof(out)));
	CHILD_CHECK(strstr(out, "HTTP/1.1 413 "));
	CHILD_CHECK(exchange(s, there, "GET / HTTP/1.1\r\nHost: a\nb\r\n\r\n", out, sizeof(out)));
	CHILD_CHECK(strstr(out, "HTTP/1.1 400 "));
	/* from this machine itself: no neighbour, no answer */
	CHILD_CHECK(!exchange(s, s->cable.here,
			      "GET /v2/device.xml HTTP/1.1\r\nHost: 10.9.1.1:1900\r\n\r\n", out,
			      sizeof(out)));
	return 0;
}

/* All connections end, as their clients have. */
static bool all_ended(struct stage *s)
{
	for (unsigned i = 0; i < 300 && s->io.connections_n; i++)
		if (loop_turn(&s->loop, 10))
			return false;
	return s->io.connections_n == 0;
}

/* One host holds four connections open; the fifth is closed, and the others end in their time. */
static int too_many_connections(struct stage *s)
{
	int fds[5];
	uint8_t byte;
	size_t n;
	CHILD_CHECK(all_ended(s));
	CHILD_CHECK(!netns_enter(s->cable.there));
	for (size_t i = 0; i < 5; i++)
		CHILD_CHECK(!tcp_connect(&http_port, NULL, &fds[i]));
	CHILD_CHECK(!netns_enter(s->cable.here));
	CHILD_CHECK(serve_until(s, fds[4], 300));
	CHILD_CHECK(tcp_read(fds[4], &byte, 1, &n));
	CHILD_CHECK(s->io.connections_n == 4);
	for (size_t i = 0; i < 5; i++)
		fd_done(&fds[i]);
	CHILD_CHECK(all_ended(s));
	return 0;
}

/* --- programs that hosts have --- */

/* Runs it at the other end while we serve; what it says into ret. -1: it did not end well. */
static int run(struct stage *s, const char *const *argv, char *ret, size_t size)
{
	int pipes[2], status = 0;
	size_t len = 0;
	(void)fflush(NULL);
	if (pipe(pipes))
		return -1;
	pid_t pid = fork();
	if (pid == 0) {
		if (netns_enter(s->cable.there) || dup2(pipes[1], 1) < 0 || dup2(pipes[1], 2) < 0)
			_exit(126);
		(void)close(pipes[0]);
		(void)execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	(void)close(pipes[1]);
	while (pid > 0 && serve_until(s, pipes[0], 2000)) {
		ssize_t n = read(pipes[0], ret + len, size - 1 - len);
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	ret[len] = 0;
	(void)close(pipes[0]);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

#define RUN(s, out, ...) run((s), (const char *const[]){__VA_ARGS__, NULL}, (out), sizeof(out))

/* The output, where the reader of a failed test finds it. */
static bool says(const char *out, const char *words)
{
	if (!strstr(out, words))
		(void)fprintf(stderr, "no \"%s\" in:\n%s\n", words, out);
	return strstr(out, words) != NULL;
}

static int by_natpmpc(struct stage *s)
{
	char out[8192];
	if (RUN(s, out, "natpmpc", "-h") == 127)
		return CHILD_SKIPS;
	CHILD_CHECK(RUN(s, out, "natpmpc", "-g", "10.9.1.1") == 0);
	CHILD_CHECK(says(out, "Public IP address : 203.0.113.7"));
	CHILD_CHECK(RUN(s, out, "natpmpc", "-g", "10.9.1.1", "-a", "5001", "5000", "udp", "600") ==
		    0);
	CHILD_CHECK(says(out, "Mapped public port 5001 protocol UDP to local port 5000"));
	const struct world_open *o = world_find(&s->world, PORTCTL_UDP, "10.9.1.2:5000");
	CHILD_CHECK(o && o->external.port == 5001);
	CHILD_CHECK(RUN(s, out, "natpmpc", "-g", "10.9.1.1", "-a", "5001", "5000", "udp", "0") ==
		    0);
	CHILD_CHECK(!world_find(&s->world, PORTCTL_UDP, "10.9.1.2:5000"));
	return 0;
}

#define UPNPC_V1 "upnpc", "-u", "http://10.9.1.1:1900/v1/device.xml"
#define UPNPC_V2 "upnpc", "-u", "http://10.9.1.1:1900/v2/device.xml"

static int by_upnpc(struct stage *s)
{
	char out[8192];
	if (RUN(s, out, "upnpc", "-h") == 127)
		return CHILD_SKIPS;
	/* It takes a gateway whose address is for documentation only for one without a line. */
	s->world.outside4 = ip_address_v4(11, 22, 33, 44);
	CHILD_CHECK(RUN(s, out, "upnpc", "-m", "v1", "-s") == 0); /* by discovery */
	CHILD_CHECK(says(out, "Found valid IGD : http://10.9.1.1:1900/control/WANIPConnection"));
	CHILD_CHECK(says(out, "ExternalIPAddress = 11.22.33.44"));
	CHILD_CHECK(RUN(s, out, UPNPC_V1, "-e", "a game", "-a", "10.9.1.2", "6000", "6001", "TCP",
			"600") == 0);
	CHILD_CHECK(says(out, "external 11.22.33.44:6001 TCP is redirected to internal "
			      "10.9.1.2:6000"));
	const struct world_open *o = world_find(&s->world, PORTCTL_TCP, "10.9.1.2:6000");
	CHILD_CHECK(o && o->external.port == 6001);
	(void)RUN(s, out, UPNPC_V1, "-l");
	CHILD_CHECK(says(out, " 0 TCP  6001->10.9.1.2:6000  'a game' ''"));
	(void)RUN(s, out, UPNPC_V1, "-a", "10.9.1.77", "6000", "6003", "TCP", "600");
	CHILD_CHECK(says(out, "failed with code 606"));
	(void)RUN(s, out, UPNPC_V2, "-L"); /* GetListOfPortMappings */
	CHILD_CHECK(says(out, "TCP  6001->10.9.1.2:6000"));
	(void)RUN(s, out, UPNPC_V2, "-n", "10.9.1.2", "6002", "6004", "TCP", "600");
	CHILD_CHECK(world_find(&s->world, PORTCTL_TCP, "10.9.1.2:6002")); /* AddAnyPortMapping */
	CHILD_CHECK(RUN(s, out, UPNPC_V1, "-d", "6001", "TCP") == 0);
	CHILD_CHECK(!world_find(&s->world, PORTCTL_TCP, "10.9.1.2:6000"));
	(void)RUN(s, out, UPNPC_V2, "-N", "1024", "65535", "TCP");
	CHILD_CHECK(!world_find(&s->world, PORTCTL_TCP, "10.9.1.2:6002"));
	return 0;
}

/* --- reloads and restarts --- */

/* What is turned off is silent, though its sockets stay; turned on again it speaks. */
static int over_a_reload(struct stage *s)
{
	static const char get[] = "GET /v2/device.xml HTTP/1.1\r\nHost: 10.9.1.1:1900\r\n\r\n";
	struct portctl_conf off = s->conf;
	char out[8192];
	off.pcp = off.nat_pmp = off.upnp = false;
	ports_io_reload(&s->io, &off, &s->world.rules);
	CHILD_CHECK(s->world.open_n == 1);
	CHILD_CHECK(!exchange(s, s->cable.there, get, out, sizeof(out)));
	CHILD_CHECK(!udp_send_to(&s->host, NULL, &pcp_port, span_of("\0\0", 2)));
	CHILD_CHECK(!next(s, &s->host, 5));
	ports_io_reload(&s->io, &s->conf, &s->world.rules);
	CHILD_CHECK(exchange(s, s->cable.there, get, out, sizeof(out)));
	CHILD_CHECK(!udp_send_to(&s->host, NULL, &pcp_port, span_of("\0\0", 2)));
	CHILD_CHECK(next(s, &s->host, 300));
	return 0;
}

static int over_a_restart(struct stage *s)
{
	char uuid[UPNP_UUID_TEXT_MAX];
	size_t more;
	memcpy(uuid, s->io.upnp.uuid[0], sizeof(uuid));
	size_t losses = s->world.losses;
	CHILD_CHECK(s->world.open_n == 1);
	ports_io_end(&s->io);
	ports_io_done(&s->io);
	CHILD_CHECK(!serve_begin(s));
	/* kept whole: the epoch goes on, the mapping is adopted, the device is the same */
	CHILD_CHECK(s->world.losses == losses && s->world.open_n == 1);
	CHILD_CHECK(portctl_used(s->io.list, 4) == 1);
	CHILD_CHECK(strcmp(uuid, s->io.upnp.uuid[0]) == 0);
	json_t *list = ports_io_list(&s->io, 10, &more);
	CHILD_CHECK(json_array_size(list) == 1 && more == 0);
	CHILD_CHECK(strcmp(json_string_value(json_object_get(json_array_get(list, 0), "internal")),
			   "10.9.1.2:8080") == 0);
	json_decref(list);
	/* and without an end, as after a crash: the mapping stays, hosts learn of it */
	ports_io_done(&s->io);
	CHILD_CHECK(!serve_begin(s));
	CHILD_CHECK(s->world.losses == losses + 1 && s->world.open_n == 1);
	CHILD_CHECK(ports_io_revoke(&s->io, "tcp", "10.9.1.2:1") == ERR_ABSENT);
	CHILD_CHECK(ports_io_revoke(&s->io, "sctp", "10.9.1.2:8080") == ERR_FORMAT);
	CHILD_CHECK(!ports_io_revoke(&s->io, "tcp", "10.9.1.2:8080") && s->world.open_n == 0);
	return 0;
}

typedef int part(struct stage *s);

static int in_stage(part *const *parts, size_t n)
{
	static struct stage s;
	enum err e = set_up(&s);
	if (cable_may_not(e))
		return CHILD_SKIPS;
	CHILD_CHECK(!e);
	int line = 0;
	for (size_t i = 0; i < n && !line; i++)
		line = parts[i](&s);
	tear_down(&s);
	return line;
}

static int over_a_cable(void)
{
	static part *const parts[] = {over_pcp,	     from_outside,	   over_ssdp,
				      over_http,     too_many_connections, over_a_reload,
				      over_a_restart};
	return in_stage(parts, sizeof(parts) / sizeof(parts[0]));
}

static int for_natpmpc(void)
{
	static part *const parts[] = {by_natpmpc};
	return in_stage(parts, 1);
}

static int for_upnpc(void)
{
	static part *const parts[] = {by_upnpc};
	return in_stage(parts, 1);
}

static void serves_hosts_inside_over_a_cable(void **state)
{
	(void)state;
	assert_child(over_a_cable, "needs network namespaces");
}

static void serves_natpmpc(void **state)
{
	(void)state;
	assert_child(for_natpmpc, "needs network namespaces and natpmpc");
}

static void serves_upnpc(void **state)
{
	(void)state;
	assert_child(for_upnpc, "needs network namespaces and upnpc");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(serves_hosts_inside_over_a_cable),
		cmocka_unit_test(serves_natpmpc),
		cmocka_unit_test(serves_upnpc),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
