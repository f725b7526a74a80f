/* gatehouse lab tour: the lab brought up, and a name, an address and a datagram followed through
 * it, by commands as a person would type them; then tunnels, and requests through the proxies. */
#include "cli/commands.h"

#include "cli/lab.h"
#include "cli/lab_tour.h"
#include "cli/print.h"
#include "cli/remote.h"
#include "lab/lab.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/spawn.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	FORWARD_LOOKS = 50,
	FORWARD_LOOK_US = 200000,
	TEXT_SIZE = 65536,
	TEXT_WAIT_MS = 20000,
};

void tour_heading(const struct command_line *line, const char *text)
{
	(void)printf("\n%s== %s%s\n\n", print_style_on(line->colour, PRINT_BOLD), text,
		     print_style_off(line->colour, PRINT_BOLD));
	(void)fflush(stdout);
}

enum err tour_start(const char *host, const char *const *words, struct spawn_child *ret)
{
	const char *argv[16] = {"gatehouse", "lab", "run", host};
	struct spawn s = SPAWN_INIT;
	size_t n = 4;
	(void)printf("%s$", host);
	for (; *words && n < 15; words++) {
		(void)printf(" %s", *words);
		argv[n++] = *words;
	}
	(void)printf("\n");
	(void)fflush(stdout);
	s.argv = argv;
	s.terminal = true;
	return spawn_start(&s, ret);
}

int tour_end(const char *host, struct spawn_child *child)
{
	struct spawn_end end;
	enum err e = spawn_collect(child, -1, &end);
	if (e)
		return command_fail(NULL, "%s: %s", host, err_text(e));
	return end.signalled ? EXIT_FAILED : end.code;
}

int tour_step(const char *host, const char *const *words)
{
	struct spawn_child child;
	enum err e = tour_start(host, words, &child);
	return e ? command_fail(NULL, "%s: %s", host, err_text(e)) : tour_end(host, &child);
}

char *tour_printed(const char *const *argv, bool *ret_succeeded)
{
	struct spawn s = SPAWN_INIT;
	struct spawn_end end;
	char *text = NULL;
	size_t len;
	AUTO_DONE(fd_done) int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
	s.argv = argv;
	s.stderr_fd = nowhere;
	bool ran = !spawn_capture(&s, TEXT_SIZE, TEXT_WAIT_MS, &text, &len, &end);
	*ret_succeeded = ran && !end.signalled && end.code == 0;
	return text;
}

static const char map[] =
	"   root-a root-b   com-a com-b   kr-a kr-b      ns1 ns2   hanbit seoul eng   web   "
	"roamer visitor\n"
	"   ---+------+-------+-----+------+----+---    "
	"---+---+------+-----+----+-----+------+------+---\n"
	"            roots and TLDs     |                        | authoritative servers, the web\n"
	"                               +---------[isp]----------+------------[office]--- desk\n"
	"                                           |                   another site's gateway\n"
	"                                       [gateway]   resolver, authority, addresses, "
	"translation, tunnels,\n"
	"                                           |       policy, forward and reverse proxy\n"
	"                     client1  client2  client3  nas  app1  app2  laptop\n";

/* The first journey: cold, warm, and as a program on a client sees it. */
static int tour_names(const struct command_line *line)
{
	static const char *const trace[] = {"gatehouse", "trace", "www.example.com", NULL};
	static const char *const getent[] = {"getent", "hosts", "www.example.com", NULL};
	static const char *const split[] = {"gatehouse", "trace", "git.eng.hanbit.kr", NULL};
	tour_heading(line,
		     "A name nobody has asked for yet: caching -> recursive -> root -> TLD -> "
		     "authoritative");
	int status = tour_step("gateway", trace);
	if (status)
		return status;
	(void)usleep(1100000); /* so that the TTL can be seen to fall */
	tour_heading(line, "The same name again: one step, from the cache, its TTL lower");
	status = tour_step("gateway", trace);
	if (status)
		return status;
	tour_heading(line, "The same through libc, from a host of the site");
	status = tour_step("client1", getent);
	if (status)
		return status;
	tour_heading(line,
		     "A large company's zone, split into delegated sub-zones, and an alias in one");
	return tour_step("gateway", split);
}

/* The second journey: a host without an address is given one, and a name with it. */
static int tour_addresses(const struct command_line *line)
{
	static const char *const watch[] = {"gatehouse", "dhcp",      "watch", "lan", "--count",
					    "4",	 "--seconds", "20",    NULL};
	static const char *const ask[] = {"udhcpc",	     "-f", "-q", "-n", "-i", "eth0", "-x",
					  "hostname:laptop", NULL};
	static const char *const getent[] = {"getent", "hosts", "laptop.home.arpa", NULL};
	static const char *const leases[] = {"gatehouse", "leases", NULL};
	struct spawn_child watcher;
	tour_heading(
		line,
		"A host is plugged in: DISCOVER, OFFER, REQUEST, ACK, as they pass on the wire");
	enum err e = tour_start("gateway", watch, &watcher);
	if (e)
		return command_fail(NULL, "gateway: %s", err_text(e));
	(void)usleep(TOUR_WATCH_STARTS_US);
	int status = tour_step("laptop", ask), watched = tour_end("gateway", &watcher);
	if (status || watched)
		return status ? status : watched;
	tour_heading(line, "Its name is there with the lease: asked from another host");
	status = tour_step("client1", getent);
	if (status)
		return status;
	tour_heading(line, "What the gateway has given");
	return tour_step("gateway", leases);
}

/* --- the third journey: through the translator --- */

static const char *const seen_from_inside[] = {"busybox", "wget", "-qO-", "http://www.example.com/",
					       NULL};

/* Two hosts with the same port of their own: one keeps it, the other cannot. */
static int tour_datagrams(const struct command_line *line)
{
	static const char *const watch[] = {"gatehouse", "lab", "watch",     "lan", "eth0",
					    "--count",	 "2",	"--seconds", "20",  NULL};
	static const char *const dig[] = {
		"dig", "-b", "0.0.0.0#40000", "+short", "@203.0.113.53", "www.example.com", NULL};
	struct spawn_child watcher;
	tour_heading(line,
		     "The same port of two hosts: each datagram before and after translation");
	enum err e = tour_start("gateway", watch, &watcher);
	if (e)
		return command_fail(NULL, "gateway: %s", err_text(e));
	(void)usleep(TOUR_WATCH_STARTS_US);
	int first = tour_step("client1", dig), second = tour_step("client2", dig);
	int watched = tour_end("gateway", &watcher);
	return first ? first : second ? second : watched;
}

/* Until the translator knows nas by its name, which is there with the lease. */
static void forward_await(void)
{
	static const char *const argv[] = {"gatehouse", "lab",	     "run",
					   "gateway",	"gatehouse", "nat",
					   "forwards",	"--json",    NULL};
	bool leads = false;
	for (int i = 0; !leads && i < FORWARD_LOOKS; i++) {
		bool succeeded;
		if (i)
			(void)usleep(FORWARD_LOOK_US);
		char *text = tour_printed(argv, &succeeded);
		if (!succeeded) {
			free(text);
			return;
		}
		json_t *answer = json_loads(text, 0, NULL);
		json_t *first = json_array_get(json_object_get(answer, "forwards"), 0);
		leads = json_is_string(json_object_get(first, "host"));
		json_decref(answer);
		free(text);
	}
}

static int tour_forward(const struct command_line *line)
{
	static const char *const forwards[] = {"gatehouse", "nat", "forwards", NULL};
	static const char *const by_address[] = {"busybox", "wget", "-qO-", "http://192.0.2.2/",
						 NULL};
	static const char *const by_name[] = {"busybox", "wget", "-qO-", "http://home.example.com/",
					      NULL};
	tour_heading(line,
		     "From the world into the site: one public port leads to the nas, by its name");
	forward_await();
	int status = tour_step("gateway", forwards);
	if (!status)
		status = tour_step("roamer", by_address);
	if (status)
		return status;
	tour_heading(line, "The same public address, called from inside (hairpin)");
	return tour_step("client2", by_name);
}

static int tour_explain(const struct command_line *line)
{
	static const char *const flows[] = {"gatehouse", "nat", "flows", "192.168.7.0/24", NULL};
	static const char *const forward[] = {"gatehouse", "nat",	"explain", "203.0.113.90",
					      "192.0.2.2", "--traffic", "80/tcp",  NULL};
	static const char *const refused[] = {"gatehouse", "nat",	"explain", "203.0.113.90",
					      "192.0.2.2", "--traffic", "22/tcp",  NULL};
	tour_heading(line, "What the translator remembers: who began, with what became of it");
	int status = tour_step("gateway", flows);
	if (status)
		return status;
	tour_heading(line, "Why the roamer came in, and why he would not by another port");
	status = tour_step("gateway", forward);
	(void)printf("\n");
	return status ? status : tour_step("gateway", refused);
}

static int tour_translation(const struct command_line *line)
{
	tour_heading(line,
		     "A page of the web, by name: its server sees the gateway, and no host of the "
		     "site");
	int status = tour_step("client1", seen_from_inside);
	if (!status)
		status = tour_datagrams(line);
	if (!status)
		status = tour_forward(line);
	return status ? status : tour_explain(line);
}

static const char *const next[] = {
	"shell client1                a shell on a host of the site; then dig, host, getent",
	"run gateway gatehouse trace 한국.kr NS",
	"run client1 dig www.shop.com     four addresses, another one first each time",
	"run gateway gatehouse status     what the resolver has done",
	"run gateway gatehouse leases     who has which address",
	"run gateway gatehouse nat top    which host has most of the traffic",
	"run gateway gatehouse user end anna    end her session: closed at once",
	"run gateway gatehouse proxy top    the web servers, as they are asked",
	"run gateway gatehouse proxy hosts  where hosts of the site went by the forward proxy",
	"status                           the hosts",
	"down                             end it; nothing is left behind",
};

static int tour_run(const struct command_line *line)
{
	bool was_up;
	uint64_t start_us = clock_monotonic_us();
	char time[64];
	int status = lab_command_up(&was_up);
	if (status)
		return status;
	tour_heading(line, "A small internet, in network namespaces of this machine");
	(void)printf("%s\n%s in %s; every box is a host with its own network, every server a "
		     "gatehouse.\n",
		     map, was_up ? "Up already; seen" : "Brought up",
		     print_duration_us(clock_monotonic_us() - start_us, time, sizeof(time)));
	status = tour_names(line);
	if (!status)
		status = tour_addresses(line);
	if (!status && lab_command_await_translation())
		status = tour_translation(line);
	else if (!status)
		(void)printf("\nThe site's gateway does not translate; its log says why: %s lab "
			     "run gateway cat "
			     "/run/lab/gateway/log\n",
			     line->program);
	if (!status)
		status = tour_tunnels(line);
	if (!status)
		status = tour_proxy(line);
	if (!status)
		status = tour_out(line);
	if (status)
		return command_fail("'gatehouse lab run gateway cat /run/lab/gateway/log' shows "
				    "what it logged.",
				    "the tour stops here (status %d)", status);
	tour_heading(line, "What to try next");
	for (size_t i = 0; i < sizeof(next) / sizeof(next[0]); i++)
		(void)printf("  %s lab %s\n", line->program, next[i]);
	(void)printf("\n");
	return EXIT_OK;
}

const struct command lab_tour_verb = {
	.name = "tour",
	.within = "lab",
	.arguments = "",
	.summary = "Bring it up and follow a name, an address, a datagram and a request through it",
	.run = tour_run,
};
