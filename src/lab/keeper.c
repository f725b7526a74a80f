/* The lab's keeper: number 1 of the lab's PID namespace. Makes the network, starts `gatehouse run`
 * on each host that has a configuration, answers on the lab's socket, and takes everything with it
 * when it ends. */
#include "base/writer.h"
#include "control/control.h"
#include "lab/certificate.h"
#include "lab/client.h"
#include "lab/lab.h"
#include "lab/network.h"
#include "lab/topology.h"
#include "lab/web.h"
#include "os/fd.h"
#include "os/file.h"
#include "os/loop.h"
#include "os/netns.h"
#include "os/notify.h"
#include "os/pidns.h"
#include "os/spawn.h"
#include "os/unix.h"
#include "os/user.h"

#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EAR LAB_FOLDER "/notify"

enum {
	DOWN_DELAY_MS = 20, /* until the answer is out */
	LOOK_MS = 50,	    /* how often it is looked whether every host has its address */
};

/* What runs there: `gatehouse run`, or udhcpc. */
struct host_state {
	struct spawn_child process;
	bool running, ready;
	bool whole; /* all its services are there; a host that translates is ready before */
};

struct keeper {
	struct loop loop;
	struct loop_watch ear_watch;
	struct notify notify; /* `gatehouse lab up`, which waits */
	struct control *control;
	int socket_fd, ear_fd;
	int netns_fds[LAB_HOSTS_MAX];
	struct host_state hosts[LAB_HOSTS_MAX];
	struct loop_timer stop; /* set by POST /down */
	struct loop_timer look; /* for addresses by DHCP, until all are there */
	bool told;
	bool unprivileged; /* an ordinary user's: nobody else is in its user namespace */
};

/* --- hosts --- */

static enum err file_put(const char *host, const char *name, const char *text)
{
	char path[256];
	(void)snprintf(path, sizeof(path), LAB_FOLDER "/%s/%s", host, name);
	return file_write_atomic(path, span_text(text), 0644);
}

static enum err host_start(struct keeper *k, size_t at)
{
	const struct lab_host *h = &lab_hosts[at];
	char config[128], log[128], text[128];
	if (h->nameserver) {
		(void)snprintf(text, sizeof(text), "nameserver %s\n", h->nameserver);
		TRY(file_put(h->name, "resolv.conf", text));
	}
	if (h->ipv4 != LAB_WRITTEN)
		TRY(lab_client_prepare(h->name));
	if (h->ipv4 == LAB_DHCP) {
		TRY(lab_client_start(h->name, k->netns_fds[at], &k->hosts[at].process));
		k->hosts[at].running = true;
	}
	if (h->web)
		TRY(lab_web_start(h->name, h->web, k->netns_fds[at], k->unprivileged));
	if (!h->files)
		return OK;
	if (h->certified)
		TRY(lab_certificate_make(h->name, h->certified));
	for (const struct lab_file *f = h->files; f->name; f++)
		TRY(file_put(h->name, f->name, f->text));
	(void)snprintf(log, sizeof(log), LAB_FOLDER "/%s/run", h->name);
	TRY(dir_ensure(log, 0755));
	(void)snprintf(config, sizeof(config), LAB_FOLDER "/%s/gatehouse.yaml", h->name);
	(void)snprintf(log, sizeof(log), LAB_FOLDER "/%s/log", h->name);
	AUTO_DONE(fd_done) int log_fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (log_fd < 0)
		return err_errno();
	const char *argv[] = {"gatehouse", "run", "-c", config, NULL};
	const char *environment[] = {"NOTIFY_SOCKET=" EAR, NULL};
	struct spawn s = SPAWN_INIT;
	s.argv = argv;
	s.environment = environment;
	s.netns_fd = k->netns_fds[at];
	s.stderr_fd = log_fd;
	TRY(spawn_start(&s, &k->hosts[at].process));
	k->hosts[at].running = true;
	return OK;
}

static bool all_ready(const struct keeper *k)
{
	for (size_t i = 0; lab_hosts[i].name; i++)
		if (k->hosts[i].running && !k->hosts[i].ready)
			return false;
	return true;
}

/* Says so to whoever waits, once. */
static void ready_tell(struct keeper *k)
{
	if (k->told || !all_ready(k))
		return;
	k->told = true;
	loop_timer_cancel(&k->loop, &k->look);
	if (notify_ready(&k->notify))
		loop_stop(&k->loop); /* nobody waits any more */
}

static void look_due(void *arg)
{
	struct keeper *k = arg;
	char lease[LAB_LEASE_TEXT_MAX];

	for (size_t i = 0; lab_hosts[i].name; i++)
		if (lab_hosts[i].ipv4 == LAB_DHCP)
			k->hosts[i].ready = lab_client_lease(lab_hosts[i].name, lease);
	loop_timer_set_after(&k->loop, &k->look, LOOK_MS);
	ready_tell(k);
}

/* The kernel takes seconds to judge the translator's programs; names and addresses are there long
 * before, and nobody need wait. */
static void told(struct host_state *host, bool translates, const struct notify_message *m)
{
	struct span value;
	if (notify_field(m, "READY", &value))
		host->ready = host->whole = true;
	else if (translates && notify_field(m, "STATUS", &value) &&
		 span_is(value, "waits for: nat"))
		host->ready = true;
}

/* What came until now: an ear holds ten messages. */
static void hear(struct keeper *k)
{
	struct notify_message m;
	while (notify_receive(k->ear_fd, &m) == OK)
		for (size_t i = 0; lab_hosts[i].name; i++)
			if (k->hosts[i].running && k->hosts[i].process.pid == m.pid)
				told(&k->hosts[i], lab_hosts[i].translates, &m);
}

static void ear_ready(void *arg, uint32_t events)
{
	struct keeper *k = arg;
	(void)events;
	hear(k);
	ready_tell(k);
}

/* A host's supervisor has ended, or an orphan that we inherited. */
static void child_ended(void *arg, int signal)
{
	struct keeper *k = arg;
	pid_t pid;
	(void)signal;
	while (process_ended(&pid) == OK) {
		size_t i = 0;
		while (lab_hosts[i].name &&
		       !(k->hosts[i].running && k->hosts[i].process.pid == pid))
			i++;
		if (!lab_hosts[i].name) {
			process_reap(pid);
			continue;
		}
		struct spawn_end end;
		if (spawn_collect(&k->hosts[i].process, 0, &end))
			process_reap(pid);
		k->hosts[i].running = k->hosts[i].ready = k->hosts[i].whole = false;
		if (!k->told) {
			char text[128];
			(void)snprintf(text, sizeof(text), "%s on %s ended with %d",
				       lab_hosts[i].files ? "gatehouse" : "udhcpc",
				       lab_hosts[i].name, end.code);
			err_ignore(notify_status(&k->notify, text));
			loop_stop(&k->loop);
		}
	}
}

/* --- the lab's socket --- */

static json_t *addresses_array(const struct lab_host *h)
{
	json_t *addresses = json_array();
	char lease[LAB_LEASE_TEXT_MAX];

	if (h->ipv4 != LAB_WRITTEN && lab_client_lease(h->name, lease))
		json_array_append_new(addresses, json_string(lease));
	for (size_t j = 0; j < LAB_ADDRESSES_MAX && h->addresses[j]; j++)
		json_array_append_new(addresses, json_string(h->addresses[j]));
	for (const struct lab_bridge *b = lab_bridges; b->router; b++)
		for (size_t j = 0; strcmp(b->router, h->name) == 0 && j < 2; j++)
			json_array_append_new(addresses, json_string(b->addresses[j]));
	return addresses;
}

static json_t *status_object(void *arg)
{
	const struct keeper *k = arg;
	json_t *hosts = json_array();
	bool translates = false;
	for (size_t i = 0; lab_hosts[i].name; i++) {
		const struct lab_host *h = &lab_hosts[i];
		json_t *addresses = addresses_array(h);
		translates |= h->translates && k->hosts[i].whole;
		const char *state = !h->files		  ? "-"
				    : k->hosts[i].ready	  ? "serves"
				    : k->hosts[i].running ? "starts"
							  : "ended";
		json_array_append_new(hosts, json_pack("{s:s,s:s,s:o,s:s}", "host", h->name, "role",
						       h->role, "addresses", addresses, "gatehouse",
						       state));
	}
	return json_pack("{s:s,s:b,s:o}", "lab", "up", "translates", translates, "hosts", hosts);
}

static void metrics_write(void *arg, struct writer *text)
{
	const struct keeper *k = arg;
	write_text(text, "# HELP lab_hosts_serving Hosts whose gatehouse is ready\n"
			 "# TYPE lab_hosts_serving gauge\n");
	unsigned n = 0;
	for (size_t i = 0; lab_hosts[i].name; i++)
		n += lab_hosts[i].files && k->hosts[i].ready;
	write_format(text, "lab_hosts_serving %u\n", n);
}

static void stop_due(void *arg)
{
	struct keeper *k = arg;
	loop_stop(&k->loop);
}

static void down_handle(void *arg, const struct control_request *req, struct control_reply *reply)
{
	struct keeper *k = arg;
	if (req->uid != getuid() && req->uid != 0) {
		control_reply_error(reply, 403, "this lab is another user's");
		return;
	}
	control_reply_json(reply, 200, json_pack("{s:s}", "lab", "down"));
	loop_timer_set_after(&k->loop, &k->stop, DOWN_DELAY_MS);
}

static const struct control_verb verbs[] = {
	{"POST", "/down", "end the lab and all that runs in it", down_handle},
};

static void stop_asked(void *arg, int signal)
{
	(void)signal;
	stop_due(arg);
}

/* --- life --- */

static enum err serve(struct keeper *k, struct control_face *face, const char **ret_what)
{
	*ret_what = "the lab's socket";
	TRY(loop_init(&k->loop));
	loop_timer_init(&k->stop, stop_due, k);
	loop_timer_init(&k->look, look_due, k);
	TRY(loop_signal(&k->loop, SIGTERM, stop_asked, k));
	TRY(loop_signal(&k->loop, SIGINT, stop_asked, k));
	TRY(loop_signal(&k->loop, SIGCHLD, child_ended, k));
	TRY(control_new(&k->loop, fd_take(&k->socket_fd), face, &k->control));
	TRY(mount_tmpfs("/run", 256 << 20, 0755));
	TRY(dir_ensure(LAB_FOLDER, 0755));
	TRY(notify_listen(EAR, &k->ear_fd));
	TRY(loop_add(&k->loop, &k->ear_watch, k->ear_fd, LOOP_READ, ear_ready, k));
	TRY(lab_network_make(k->netns_fds, ret_what));
	for (size_t i = 0; lab_hosts[i].name; i++) {
		*ret_what = lab_hosts[i].name;
		TRY(host_start(k, i));
		hear(k);
	}
	*ret_what = "the loop";
	loop_timer_set_after(&k->loop, &k->look, LOOK_MS);
	return loop_run(&k->loop);
}

/* Number 1. Its end is the end of all processes in the lab, and of what only they hold. */
static int keep(struct keeper *k)
{
	struct control_face face = {.service = "lab",
				    .verbs = verbs,
				    .verbs_n = sizeof(verbs) / sizeof(verbs[0]),
				    .status = status_object,
				    .metrics = metrics_write,
				    .arg = k};
	const char *what = "";
	enum err e = serve(k, &face, &what);
	if (e) {
		char text[256];
		(void)snprintf(text, sizeof(text), "%s: %s", what, err_text(e));
		err_ignore(notify_status(&k->notify, text));
	}
	return e ? 1 : 0;
}

static int fail(const struct notify *notify, const char *what, enum err e)
{
	char text[256];
	(void)snprintf(text, sizeof(text), "%s: %s", what, err_text(e));
	err_ignore(notify_status(notify, text));
	return 1;
}

int lab_keep(void)
{
	struct keeper k = {.socket_fd = -1, .ear_fd = -1};
	char socket[LAB_SOCKET_MAX];
	pid_t pid;
	if (notify_open(&k.notify))
		return 1;
	(void)lab_socket(socket); /* the name has our uid as it is outside of a user namespace */
	k.unprivileged = !user_is_root();
	enum err e = k.unprivileged ? userns_enter() : mount_private();
	if (e)
		return fail(&k.notify,
			    k.unprivileged
				    ? "a user namespace (run as root where the kernel has none)"
				    : "a mount namespace",
			    e);
	e = pidns_fork(&pid);
	if (e)
		return fail(&k.notify, "a PID namespace", e);
	if (pid)
		return 0;
	/* By number 1: who connects learns its pid, and enters its namespaces. Our network
	 * namespace is still the one we came from, so the abstract name is found from outside. */
	e = unix_listen(socket, 0, &k.socket_fd);
	if (e)
		return fail(&k.notify, "the lab's socket", e);
	return keep(&k);
}
