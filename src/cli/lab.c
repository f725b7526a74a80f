/* gatehouse lab up|down|status|run|shell|tour: the small internet on this machine. */
#include "cli/commands.h"

#include "cli/print.h"
#include "cli/remote.h"
#include "lab/lab.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/pidns.h"
#include "os/spawn.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	DOWN_WAIT_MS = 10000,
	WATCH_STARTS_US = 500000, /* so that it sees the first message */
};

static int up(bool *ret_was_up)
{
	char text[256];
	enum err e = lab_up(text, sizeof(text));
	*ret_was_up = e == ERR_EXISTS;
	if (e == OK || e == ERR_EXISTS)
		return EXIT_OK;
	return command_fail("As root, or where the kernel gives ordinary users namespaces, it "
			    "works; 'unshare -Un true' tells.",
			    "the lab cannot be brought up: %s", text[0] ? text : err_text(e));
}

static int up_run(const struct command_line *line)
{
	bool was_up;
	int status = up(&was_up);
	if (status)
		return status;
	if (line->json)
		(void)printf("{\"lab\":\"up\",\"new\":%s}\n", was_up ? "false" : "true");
	else
		(void)printf("The lab is up%s. 'gatehouse lab status' shows it, 'gatehouse lab "
			     "shell client1' enters it, "
			     "'gatehouse lab down' ends it.\n",
			     was_up ? " already" : "");
	return EXIT_OK;
}

static const struct command lab_up_verb = {
	.name = "up",
	.within = "lab",
	.arguments = "",
	.summary = "Start it: servers, routers, a site with three hosts",
	.run = up_run,
};

/* --- status, down --- */

static int lab_fail(enum err e)
{
	if (e == (enum err)ECONNREFUSED || e == (enum err)ENOENT)
		return command_fail("Start it with 'gatehouse lab up'.", "the lab is not up");
	return command_fail(NULL, "the lab: %s", err_text(e));
}

static void host_print(struct print_table *t, const json_t *host)
{
	char addresses[512] = "";
	size_t i, n = 0;
	json_t *address;
	json_array_foreach(json_object_get(host, "addresses"), i, address)
	{
		int w = snprintf(addresses + n, sizeof(addresses) - n, "%s%s", i ? " " : "",
				 json_string_value(address));
		n += w > 0 && (size_t)w < sizeof(addresses) - n ? (size_t)w : 0;
	}
	const char *state = json_string_value(json_object_get(host, "gatehouse"));
	enum print_style style = strcmp(state, "serves") == 0 ? PRINT_GREEN
				 : strcmp(state, "-") == 0    ? PRINT_DIM
							      : PRINT_RED;
	print_cell(t, PRINT_BOLD, "%s", json_string_value(json_object_get(host, "host")));
	print_cell(t, style, "%s", state);
	print_cell(t, PRINT_PLAIN, "%s", json_string_value(json_object_get(host, "role")));
	print_cell(t, PRINT_DIM, "%s", addresses);
}

static int status_run(const struct command_line *line)
{
	static const char *const heads[] = {"HOST", "GATEHOUSE", "ROLE", "ADDRESSES"};
	char path[LAB_SOCKET_MAX];
	json_t *answer = NULL;
	int status;
	enum err e = remote_call(lab_socket(path), "GET", "/status", &status, &answer);
	if (e)
		return lab_fail(e);
	if (line->json) {
		(void)json_dumpf(answer, stdout, JSON_INDENT(2));
		(void)fputc('\n', stdout);
	} else {
		struct print_table t;
		size_t i;
		json_t *host;
		print_table_init(&t, stdout, line->colour, 4, heads);
		json_array_foreach(json_object_get(answer, "hosts"), i, host) host_print(&t, host);
		print_table_end(&t);
	}
	json_decref(answer);
	return EXIT_OK;
}

static const struct command lab_status_verb = {
	.name = "status",
	.within = "lab",
	.arguments = "",
	.summary = "List its hosts, what they are and whether they serve",
	.run = status_run,
};

static int down_run(const struct command_line *line)
{
	char path[LAB_SOCKET_MAX];
	json_t *answer = NULL;
	int status;
	AUTO_DONE(fd_done) int keeper = -1;
	enum err e = lab_keeper_open(&keeper);
	if (!e)
		e = remote_call(lab_socket(path), "POST", "/down", &status, &answer);
	if (e)
		return lab_fail(e);
	if (status != 200) {
		int code = remote_refused(status, answer);
		json_decref(answer);
		return code;
	}
	json_decref(answer);
	if (process_await_end(keeper, DOWN_WAIT_MS))
		return command_fail(NULL, "the lab does not end");
	if (line->json)
		(void)printf("{\"lab\":\"down\"}\n");
	return EXIT_OK;
}

static const struct command lab_down_verb = {
	.name = "down",
	.within = "lab",
	.arguments = "",
	.summary = "End it and all that runs in it",
	.run = down_run,
};

/* --- run, shell --- */

static int in_lab(const char *host, const char *const *argv)
{
	int status;
	enum err e = lab_run(host, argv, &status);
	if (e == ERR_ABSENT)
		return command_fail("Run 'gatehouse lab status' for the list.",
				    "the lab has no host '%s'", host);
	return e ? lab_fail(e) : status;
}

static int run_run(const struct command_line *line)
{
	const char *argv[COMMAND_ARGUMENTS_MAX + 1] = {NULL};
	for (int i = 1; i < line->arguments_n; i++)
		argv[i - 1] = line->arguments[i];
	return in_lab(line->arguments[0], argv);
}

static const struct command lab_run_verb = {
	.name = "run",
	.within = "lab",
	.arguments = "HOST COMMAND [ARGUMENT]...",
	.summary = "Run a command on one of its hosts",
	.arguments_min = 2,
	.arguments_max = COMMAND_ARGUMENTS_MAX,
	.passes_on = true,
	.run = run_run,
};

static int shell_run(const struct command_line *line)
{
	const char *shell = getenv("SHELL");
	const char *argv[] = {shell && shell[0] ? shell : "/bin/sh", NULL};
	return in_lab(line->arguments[0], argv);
}

static const struct command lab_shell_verb = {
	.name = "shell",
	.within = "lab",
	.arguments = "HOST",
	.summary = "A shell on one of its hosts: try dig, host, getent",
	.arguments_min = 1,
	.arguments_max = 1,
	.run = shell_run,
};

static int keeper_run(const struct command_line *line)
{
	(void)line;
	return lab_keep();
}

static const struct command lab_keeper_verb = {
	.name = "keeper",
	.within = "lab",
	.arguments = "",
	.summary = "What 'up' starts: holds the lab until it ends",
	.run = keeper_run,
};

/* --- tour --- */

static void heading(const struct command_line *line, const char *text)
{
	(void)printf("\n%s== %s%s\n\n", print_style_on(line->colour, PRINT_BOLD), text,
		     print_style_off(line->colour, PRINT_BOLD));
	(void)fflush(stdout);
}

/* Starts `gatehouse lab run HOST words...`, shown as a person would type it. */
static enum err tour_start(const char *host, const char *const *words, struct spawn_child *ret)
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

static int tour_end(const char *host, struct spawn_child *child)
{
	struct spawn_end end;
	enum err e = spawn_collect(child, -1, &end);
	if (e)
		return command_fail(NULL, "%s: %s", host, err_text(e));
	return end.signalled ? EXIT_FAILED : end.code;
}

static int tour_step(const char *host, const char *const *words)
{
	struct spawn_child child;
	enum err e = tour_start(host, words, &child);
	return e ? command_fail(NULL, "%s: %s", host, err_text(e)) : tour_end(host, &child);
}

static const char map[] =
	"   root-a root-b   com-a com-b   kr-a kr-b        ns1 ns2   hanbit seoul eng   web\n"
	"   ---+------+-------+-----+------+----+---      ---+---+------+-----+----+-----+---\n"
	"            roots and TLDs     |                          | authoritative servers\n"
	"                               +----------[isp]-----------+\n"
	"                                            |\n"
	"                                        [gateway]   resolver, authority, addresses\n"
	"                                            |\n"
	"                                client1  client2  client3  laptop\n";

/* The first journey: cold, warm, and as a program on a client sees it. */
static int tour_names(const struct command_line *line)
{
	static const char *const trace[] = {"gatehouse", "trace", "www.example.com", NULL};
	static const char *const getent[] = {"getent", "hosts", "www.example.com", NULL};
	static const char *const split[] = {"gatehouse", "trace", "git.eng.hanbit.kr", NULL};
	heading(line, "A name nobody has asked for yet: caching -> recursive -> root -> TLD -> "
		      "authoritative");
	int status = tour_step("gateway", trace);
	if (status)
		return status;
	(void)usleep(1100000); /* so that the TTL can be seen to fall */
	heading(line, "The same name again: one step, from the cache, its TTL lower");
	status = tour_step("gateway", trace);
	if (status)
		return status;
	heading(line, "The same through libc, from a host of the site");
	status = tour_step("client1", getent);
	if (status)
		return status;
	heading(line,
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
	heading(line,
		"A host is plugged in: DISCOVER, OFFER, REQUEST, ACK, as they pass on the wire");
	enum err e = tour_start("gateway", watch, &watcher);
	if (e)
		return command_fail(NULL, "gateway: %s", err_text(e));
	(void)usleep(WATCH_STARTS_US);
	int status = tour_step("laptop", ask), watched = tour_end("gateway", &watcher);
	if (status || watched)
		return status ? status : watched;
	heading(line, "Its name is there with the lease: asked from another host");
	status = tour_step("client1", getent);
	if (status)
		return status;
	heading(line, "What the gateway has given");
	return tour_step("gateway", leases);
}

static int tour_run(const struct command_line *line)
{
	bool was_up;
	uint64_t start_us = clock_monotonic_us();
	char time[64];
	int status = up(&was_up);
	if (status)
		return status;
	heading(line, "A small internet, in network namespaces of this machine");
	(void)printf("%s\n%s in %s; every box is a host with its own network, every server a "
		     "gatehouse.\n",
		     map, was_up ? "Up already; seen" : "Brought up",
		     print_duration_us(clock_monotonic_us() - start_us, time, sizeof(time)));
	status = tour_names(line);
	if (!status)
		status = tour_addresses(line);
	if (status)
		return command_fail("'gatehouse lab run gateway cat /run/lab/gateway/log' shows "
				    "what it logged.",
				    "the tour stops here (status %d)", status);
	heading(line, "What to try next");
	(void)printf("  %s lab shell client1                a shell on a host of the site; then "
		     "dig, host, getent\n"
		     "  %s lab run gateway gatehouse trace 한국.kr NS\n"
		     "  %s lab run client1 dig www.shop.com     four addresses, another one first "
		     "each time\n"
		     "  %s lab run gateway gatehouse status     what the resolver has done\n"
		     "  %s lab run gateway gatehouse leases     who has which address\n"
		     "  %s lab status                           the hosts\n"
		     "  %s lab down                             end it; nothing is left behind\n\n",
		     line->program, line->program, line->program, line->program, line->program,
		     line->program, line->program);
	return EXIT_OK;
}

static const struct command lab_tour_verb = {
	.name = "tour",
	.within = "lab",
	.arguments = "",
	.summary = "Bring it up and follow a name and an address through it, step by step",
	.run = tour_run,
};

static const struct command *const lab_verbs[] = {
	&lab_up_verb,	 &lab_status_verb, &lab_tour_verb,   &lab_run_verb,
	&lab_shell_verb, &lab_down_verb,   &lab_keeper_verb, NULL,
};

const struct command command_lab = {
	.name = "lab",
	.arguments = "",
	.summary = "A small internet on this machine, to learn and test with",
	.verbs = lab_verbs,
};
