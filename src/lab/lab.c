#include "lab/lab.h"

#include "lab/client.h"
#include "lab/network.h"
#include "lab/topology.h"
#include "os/fd.h"
#include "os/file.h"
#include "os/loop.h"
#include "os/netns.h"
#include "os/notify.h"
#include "os/pidns.h"
#include "os/spawn.h"
#include "os/unix.h"

#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { UP_WAIT_MS = 60000 };

const char *lab_socket(char buf[LAB_SOCKET_MAX])
{
	(void)snprintf(buf, LAB_SOCKET_MAX, "@gatehouse-lab-%u", (unsigned)getuid());
	return buf;
}

/* --- up --- */

struct up {
	struct loop loop;
	int ear_fd;
	bool ready, failed;
	char *text;
	size_t text_size;
};

static void heard(void *arg, uint32_t events)
{
	struct up *up = arg;
	struct notify_message m;
	struct span value;
	(void)events;
	while (notify_receive(up->ear_fd, &m) == OK) {
		if (m.uid != getuid())
			continue;
		if (notify_field(&m, "READY", &value))
			up->ready = true;
		if (notify_field(&m, "STATUS", &value)) {
			up->failed = true;
			if (!span_to_cstr(value, up->text, up->text_size))
				up->text[0] = '\0';
		}
	}
	if (up->ready || up->failed)
		loop_stop(&up->loop);
}

static void waited_enough(void *arg)
{
	struct up *up = arg;
	up->failed = true;
	(void)snprintf(up->text, up->text_size,
		       "it did not come up within a minute; 'gatehouse lab status' shows which "
		       "host does not serve");
	loop_stop(&up->loop);
}

static enum err keeper_start(const char *ear)
{
	char notify[128];
	const char *argv[] = {"gatehouse", "lab", "keeper", NULL};
	const char *environment[] = {notify, NULL};
	struct spawn s = SPAWN_INIT;
	struct spawn_child child;
	struct spawn_end end;
	(void)snprintf(notify, sizeof(notify), "NOTIFY_SOCKET=%s", ear);
	/* It lives on behind us, so it may not hold the pipe or terminal that we write to. */
	AUTO_DONE(fd_done) int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (nowhere < 0)
		return err_errno();
	s.argv = argv;
	s.environment = environment;
	s.stdout_fd = nowhere;
	s.stderr_fd = nowhere;
	s.outlive = true;
	TRY(spawn_start(&s, &child));
	/* It ends at once, leaving the real keeper as number 1 of its namespace, or telling why
	 * not. */
	TRY(spawn_collect(&child, UP_WAIT_MS, &end));
	return OK;
}

static enum err up_wait(struct up *up, const char *ear)
{
	struct loop_watch watch = {0};
	struct loop_timer timer;
	TRY(loop_add(&up->loop, &watch, up->ear_fd, LOOP_READ, heard, up));
	loop_timer_init(&timer, waited_enough, up);
	loop_timer_set_after(&up->loop, &timer, UP_WAIT_MS);
	TRY(keeper_start(ear));
	TRY(loop_run(&up->loop));
	loop_timer_cancel(&up->loop, &timer);
	loop_remove(&up->loop, &watch);
	return up->ready ? OK : ERR_REFUSED;
}

enum err lab_up(char *text, size_t text_size)
{
	char socket[LAB_SOCKET_MAX], ear[64];
	struct up up = {.ear_fd = -1, .text = text, .text_size = text_size};
	AUTO_DONE(fd_done) int there = -1;
	text[0] = '\0';
	if (unix_connect(lab_socket(socket), &there) == OK)
		return ERR_EXISTS;
	(void)snprintf(ear, sizeof(ear), "@gatehouse-lab-up-%d", (int)getpid());
	TRY(notify_listen(ear, &up.ear_fd));
	enum err e = loop_init(&up.loop);
	if (!e)
		e = up_wait(&up, ear);
	loop_done(&up.loop);
	fd_done(&up.ear_fd);
	return e;
}

/* --- run --- */

/* What a program looks at to find its name server and our control sockets. */
static enum err files_show(const struct lab_host *host)
{
	char from[128];
	TRY(mount_private());
	(void)snprintf(from, sizeof(from), LAB_FOLDER "/%s/resolv.conf", host->name);
	if ((host->nameserver || host->ipv4 != LAB_WRITTEN) &&
	    access("/etc/resolv.conf", F_OK) == 0)
		TRY(mount_bind(from, "/etc/resolv.conf"));
	(void)snprintf(from, sizeof(from), LAB_FOLDER "/%s/udhcpc.script", host->name);
	if (host->ipv4 != LAB_WRITTEN && access(LAB_CLIENT_SCRIPT, F_OK) == 0)
		TRY(mount_bind(from, LAB_CLIENT_SCRIPT));
	if (!host->files)
		return OK;
	(void)snprintf(from, sizeof(from), LAB_FOLDER "/%s/run", host->name);
	TRY(dir_ensure("/run/gatehouse", 0755));
	return mount_bind(from, "/run/gatehouse");
}

enum err lab_keeper_open(int *ret_fd)
{
	char socket[LAB_SOCKET_MAX];
	AUTO_DONE(fd_done) int fd = -1;
	struct unix_peer keeper;
	TRY(unix_connect(lab_socket(socket), &fd));
	TRY(unix_peer(fd, &keeper));
	return process_open(keeper.pid, ret_fd);
}

static enum err host_enter(const struct lab_host *host)
{
	char socket[LAB_SOCKET_MAX], path[128];
	AUTO_DONE(fd_done) int fd = -1;
	AUTO_DONE(fd_done) int netns = -1;
	struct unix_peer keeper;
	TRY(unix_connect(lab_socket(socket), &fd));
	TRY(unix_peer(fd, &keeper));
	TRY(namespaces_enter(keeper.pid));
	TRY(pidns_enter(keeper.pid));
	(void)snprintf(path, sizeof(path), LAB_FOLDER "/%s/netns", host->name);
	TRY(netns_open(path, &netns));
	TRY(netns_enter(netns));
	TRY(files_show(host));
	return process_host_name(host->name);
}

/* So that `gatehouse` is found in the lab, installed or not. */
static enum err path_extend(void)
{
	char self[4096], path[8192];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n < 0)
		return err_errno();
	self[n] = '\0';
	const char *before = getenv("PATH");
	(void)snprintf(path, sizeof(path), "%s:%s", dirname(self),
		       before ? before : "/usr/sbin:/usr/bin:/sbin:/bin");
	return setenv("PATH", path, 1) < 0 ? err_errno() : OK;
}

enum err lab_run(const char *name, const char *const *argv, int *ret_status)
{
	const struct lab_host *host = lab_host_find(name);
	const char *words[258] = {"env"};
	size_t n = 1;
	if (!host)
		return ERR_ABSENT;
	for (; *argv && n < 256; argv++)
		words[n++] = *argv; /* env finds the program in PATH */
	TRY(path_extend());
	TRY(host_enter(host));
	int status;
	TRY(pidns_fork_wait(&status));
	if (status < 0) {
		struct spawn s = SPAWN_INIT;
		s.path = "/usr/bin/env";
		s.argv = words;
		s.terminal = true;
		s.outlive = true;
		_exit(spawn_replace(&s) ? 127 : 0);
	}
	*ret_status = status;
	return OK;
}
