#include "control/service_life.h"

#include "config/config.h"
#include "config/global.h"
#include "config/report.h"
#include "control/conf_file.h"
#include "control/control_group.h"
#include "os/bpffs.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/file.h"
#include "os/log.h"
#include "os/state_dir.h"
#include "os/unix.h"
#include "os/user.h"

#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { READ_PATHS_MAX = 256, WRITABLE_MAX = 5, STATES_MAX = 4, STATE_PATH_MAX = 4096 };

static enum sandbox_profile profile_of(const struct service *service)
{
	return service->changes_links ? SANDBOX_NET_SERVICE_LINKS : SANDBOX_NET_SERVICE;
}

enum err service_life_reread(struct service_life *life, struct config **ret)
{
	const char *path = life->start->config_path;
	struct config_report report = {0};
	enum err e = conf_file_judge(path, life->start->sections, ret, &report);
	if (e == ERR_CONFIG) {
		conf_file_tell(&report);
		log_error("the configuration is refused", LOG_TEXT("file", path),
			  LOG_U64("errors", report.n + report.more), LOG_ERR(e));
	} else if (e) {
		log_error("the configuration cannot be read", LOG_TEXT("file", path), LOG_ERR(e));
	}
	config_report_done(&report);
	return e;
}

static void log_follow(const struct config_global *global)
{
	log_set_level((enum log_level)global->log.level);
}

void service_life_adopt(struct service_life *life, struct config *config)
{
	config_free(life->config);
	life->config = config;
	life->global = config_global(config);
	log_follow(life->global);
}

void service_life_mapped_path(const struct config_global *global, const char *service,
			      char ret[256])
{
	(void)snprintf(ret, 256, "%s/%s.gone", global->run, service);
}

void service_life_mapped(struct service_life *life, const char *name, size_t size,
			 struct shared_file *ret)
{
	AUTO_DONE(fd_done) int fd = -1;
	struct activation_fd *passed = activation_find(&life->activation, name, 0);
	char path[256];
	service_life_mapped_path(life->global, life->start->service->name, path);
	enum err e = OK;
	*ret = (struct shared_file){0};
	if (!passed && life->start->user)
		return; /* the supervisor could not open it, and has told */
	if (passed)
		fd = fd_take(&passed->fd);
	else
		e = dir_ensure(life->global->run, 0755);
	if (!e && !passed)
		e = shared_file_open(path, size, &fd);
	if (!e)
		e = shared_file_map(fd, size, ret);
	if (e)
		log_warning("a file for what outlives the process cannot be had; we go on without",
			    LOG_TEXT("path", path), LOG_ERR(e));
}

const void *service_life_conf(const struct service_life *life)
{
	return config_section(life->config, life->start->service->name);
}

static enum err control_group_set(const struct service_life *life, const char *at)
{
	const struct config_global *global = life->global;
	uint32_t gid = UINT32_MAX;
	const char *user = sandbox_user_for(SANDBOX_USER_DEFAULT, life->start->config_path);
	enum err e = control_group_find(global, user, &gid);
	if (!e && gid != UINT32_MAX)
		e = unix_set_group(at, gid);
	if (e)
		log_error(e == ERR_ABSENT    ? "there is no such group; `global: {control-group: "
					       "NAME}` names another"
			  : e == ERR_REFUSED ? "the control group may not be the one that the "
					       "service itself runs as"
					     : "the control socket cannot be given to its group",
			  LOG_TEXT("group", global->control_group), LOG_ERR(e));
	return e;
}

/* The control socket: passed by name, or made at its path. */
static enum err control_open(struct service_life *life)
{
	struct activation_fd *passed = activation_find(&life->activation, "control", 0);
	char path[256];
	if (passed) {
		life->control_fd = fd_take(&passed->fd);
		return OK;
	}
	const char *at = life->start->control_path;
	if (!at) {
		(void)snprintf(path, sizeof(path), "%s/%s.sock", life->global->run,
			       life->start->service->name);
		at = path;
		enum err e = dir_ensure(life->global->run, 0755);
		if (e) {
			log_error("the run directory cannot be made",
				  LOG_TEXT("path", life->global->run), LOG_ERR(e));
			return e;
		}
	}
	enum err e = unix_listen(at, 0660, &life->control_fd);
	if (!e)
		return control_group_set(life, at);
	if (e)
		log_error(
			"the control socket cannot be opened; `global: {run: FOLDER}` or --control "
			"names another place",
			LOG_TEXT("path", at), LOG_ERR(e));
	return e;
}

enum err service_life_socket(struct service_life *life, const char *name, const char *file,
			     int *ret_fd)
{
	AUTO_DONE(fd_done) int fd = -1;
	struct activation_fd *passed = activation_find(&life->activation, name, 0);
	struct user services;
	char path[256];
	if (passed) {
		*ret_fd = fd_take(&passed->fd);
		return OK;
	}
	(void)snprintf(path, sizeof(path), "%s/%s", life->global->run, file);
	enum err e = dir_ensure(life->global->run, 0755);
	if (!e)
		e = unix_listen(path, 0660, &fd);
	if (!e && life->global->sandbox && user_is_root()) {
		const char *user = sandbox_user_for(life->global->user, life->start->config_path);
		e = sandbox_user_find(user, &services);
		if (!e)
			e = unix_set_group(path, services.gid);
	}
	if (e)
		log_error("a socket between services cannot be opened", LOG_TEXT("path", path),
			  LOG_ERR(e));
	else
		*ret_fd = fd_take(&fd);
	return e;
}

static void sandbox_error(const char *user, enum err e)
{
	struct user found;
	if (e == ERR_ABSENT && user_find(user, &found) == ERR_ABSENT)
		log_error("there is no such user; `global: {user: NAME}` names another",
			  LOG_TEXT("user", user));
	else
		log_error("the sandbox cannot be entered; `global: {sandbox: off}` goes without it",
			  LOG_TEXT("user", user), LOG_ERR(e));
}

/* Ends with NULL. */
static void writable_fill(const struct service *service, const char *const folders[3],
			  const char *ret[WRITABLE_MAX])
{
	const char *const all[] = {folders[0], folders[1], folders[2],
				   service->changes_sysctl ? "/proc/sys/net" : NULL};
	size_t n = 0;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i])
			ret[n++] = all[i];
	ret[n] = NULL;
}

/* What the supervisor asked for: to be that user before a byte of text is read. */
static enum err user_enter(struct service_life *life)
{
	if (!life->start->user)
		return OK;
	const struct service *service = life->start->service;
	const char *writable[WRITABLE_MAX];
	const char *const folders[] = {life->start->state_path, life->start->folder_path,
				       life->start->bpf_path};
	writable_fill(service, folders, writable);
	struct sandbox s = {.profile = profile_of(service),
			    .view = SANDBOX_VIEW_READ_ONLY,
			    .user = life->start->user,
			    .write_paths = writable,
			    .capabilities_keep = SANDBOX_CAP_NET_BIND_SERVICE |
						 service->capabilities |
						 service->start_capabilities};
	enum err e = sandbox_enter_early(&s, &life->sandbox);
	if (e)
		sandbox_error(s.user, e);
	return e;
}

/* Where files are kept, if any are. */
static enum err state_choose(struct service_life *life)
{
	const struct service *service = life->start->service;
	if (!service->keeps_state || !service->keeps_state(service_life_conf(life)))
		return OK;
	if (life->start->state_path)
		life->state_path = strdup(life->start->state_path);
	else if (asprintf(&life->state_path, "%s/%s", life->global->state, service->name) < 0)
		life->state_path = NULL;
	return life->state_path ? OK : (enum err)ENOMEM;
}

enum err service_life_state_of(const struct service_life *life, const char *service, char **ret)
{
	if (asprintf(ret, "%s/%s", life->global->state, service) >= 0)
		return OK;
	*ret = NULL;
	return (enum err)ENOMEM;
}

static enum err folder_choose(struct service_life *life)
{
	const struct service *service = life->start->service;
	const char *above = service->folder ? service->folder(service_life_conf(life)) : NULL;
	if (!above)
		return OK;
	if (life->start->folder_path)
		life->folder_path = strdup(life->start->folder_path);
	else if (life->start->user)
		return OK; /* the supervisor could not make it, and has told */
	else if (asprintf(&life->folder_path, "%s/%s", above, service->name) < 0)
		life->folder_path = NULL;
	return life->folder_path ? OK : (enum err)ENOMEM;
}

/* user: whom the service becomes; NULL: it stays who it is. */
static enum err owner_find(const char *user, struct state_owner *room,
			   const struct state_owner **ret)
{
	struct user found;
	*ret = NULL;
	if (!user || !user_is_root())
		return OK;
	TRY(sandbox_user_find(user, &found));
	*room = (struct state_owner){.uid = found.uid, .gid = found.gid};
	*ret = room;
	return OK;
}

/* For root until service_life_sandbox, so that something can be loaded before; then for user. */
static enum err bpf_make(const struct service_life *life, const char *user)
{
	struct state_owner room;
	const struct state_owner *owner;
	TRY(owner_find(user, &room, &owner));
	return bpffs_make(life->bpf_path, owner);
}

static enum err bpf_choose(struct service_life *life)
{
	const struct service *service = life->start->service;
	if (!service->pins_bpf || !service->pins_bpf(service_life_conf(life)))
		return OK;
	if (life->start->bpf_path)
		life->bpf_path = strdup(life->start->bpf_path);
	else if (life->start->user)
		return OK; /* the supervisor could not make it, and has told */
	else if (asprintf(&life->bpf_path, "%s/%s", life->global->bpf, service->name) < 0)
		life->bpf_path = NULL;
	if (!life->bpf_path)
		return (enum err)ENOMEM;
	enum err e = life->start->bpf_path ? OK : bpf_make(life, NULL);
	if (e) {
		log_warning("the folder for BPF programs cannot be made; we go on without",
			    LOG_TEXT("path", life->bpf_path), LOG_ERR(e));
		free(TAKE(life->bpf_path));
	}
	return OK;
}

enum err service_life_begin(struct service_life *life, const struct service_start *start)
{
	const char *name = start->service->name;
	*life = (struct service_life){.start = start,
				      .control_fd = -1,
				      .notify = {.fd = -1},
				      .capabilities = start->service->capabilities};
	life->started_ms = clock_monotonic_ms();
	log_init(LOG_LEVEL_INFO, LOG_FORMAT_TEXT, name);
	enum err e = activation_take(&life->activation);
	if (!e)
		e = notify_open(&life->notify);
	if (!e)
		e = loop_init(&life->loop);
	if (e) {
		log_error("cannot start", LOG_ERR(e));
		return e;
	}
	TRY(user_enter(life));
	struct config *config = NULL;
	TRY(service_life_reread(life, &config));
	service_life_adopt(life, config);
	log_init((enum log_level)life->global->log.level, (enum log_format)life->global->log.format,
		 name);
	if (!service_life_conf(life)) {
		log_error("the configuration has no section for this service",
			  LOG_TEXT("file", start->config_path), LOG_TEXT("section", name));
		return ERR_CONFIG;
	}
	TRY(state_choose(life));
	TRY(folder_choose(life));
	TRY(bpf_choose(life));
	return control_open(life);
}

/* A preloaded clock reads its file at each call; the folder, as the file may be replaced. */
static bool clock_folder(char *room, size_t size)
{
	const char *file = getenv("LD_PRELOAD") ? getenv("FAKETIME_TIMESTAMP_FILE") : NULL;
	if (!file || snprintf(room, size, "%s", file) >= (int)size)
		return false;
	return dirname(room) == room; /* else it named no folder */
}

/* user: whom the service becomes. */
static enum err state_make(const struct service_life *life, const char *user)
{
	struct state_owner room;
	const struct state_owner *owner;
	if (!life->state_path || life->start->state_path)
		return OK;
	enum err e = owner_find(user, &room, &owner);
	if (!e)
		e = state_dir_make(life->state_path, owner);
	if (e)
		log_error("the state directory cannot be made; `global: {state: FOLDER}` names "
			  "another place",
			  LOG_TEXT("path", life->state_path), LOG_ERR(e));
	return e;
}

/* What another service keeps, for who reads it: a sandbox can only see into a folder that is there
 * when it is entered. The supervisor has made it by then. */
static void read_state_make(const char *path, const char *user)
{
	struct state_owner room;
	const struct state_owner *owner;
	struct file_state there;
	if (file_stat(path, &there) == OK)
		return;
	enum err e = owner_find(user, &room, &owner);
	if (!e)
		e = state_dir_make(path, owner);
	if (e)
		log_warning("the state directory of another service is not there, and what comes "
			    "into it cannot be read before a restart",
			    LOG_TEXT("path", path), LOG_ERR(e));
}

/* The nth of reads_states; false: there are no more. */
static bool read_state(const struct service_life *life, size_t n, char ret[STATE_PATH_MAX])
{
	if (!life->reads_states || !life->reads_states[n])
		return false;
	ASSERT(n < STATES_MAX);
	(void)snprintf(ret, STATE_PATH_MAX, "%s/%s", life->global->state, life->reads_states[n]);
	return true;
}

/* Without it the service goes on, and tells what it does without. */
static void folder_make(const struct service_life *life, const char *user)
{
	struct state_owner room;
	const struct state_owner *owner;
	if (!life->folder_path || life->start->folder_path)
		return;
	enum err e = owner_find(user, &room, &owner);
	if (!e)
		e = state_dir_make(life->folder_path, owner);
	if (e)
		log_warning("the service's folder cannot be made",
			    LOG_TEXT("path", life->folder_path), LOG_ERR(e));
}

static enum err states_make(const struct service_life *life, const char *user)
{
	char path[STATE_PATH_MAX];
	folder_make(life, user);
	enum err e = state_make(life, user);
	for (size_t i = 0; read_state(life, i, path); i++)
		read_state_make(path, user);
	return e;
}

enum err service_life_sandbox(struct service_life *life, const char *const *read_paths)
{
	const struct service *service = life->start->service;
	const char *writable[WRITABLE_MAX];
	const char *paths[READ_PATHS_MAX + 1];
	size_t n = 0;
	if (!life->global->sandbox) {
		log_warning("the sandbox is off: `sandbox: off` stands in the configuration");
		return states_make(life, NULL);
	}
	const char *const folders[] = {life->state_path, life->folder_path, life->bpf_path};
	writable_fill(service, folders, writable);
	char folder[4096], clock[4096], states[STATES_MAX][STATE_PATH_MAX];
	(void)snprintf(folder, sizeof(folder), "%s", life->start->config_path);
	paths[n++] = dirname(folder);
	if (clock_folder(clock, sizeof(clock)))
		paths[n++] = clock;
	const char *const *more = life->global->sandbox_read.items;
	for (size_t i = 0; i < life->global->sandbox_read.n && n < READ_PATHS_MAX - 1; i++)
		paths[n++] = more[i];
	for (size_t i = 0; read_state(life, i, states[i]) && n < READ_PATHS_MAX; i++)
		paths[n++] = states[i];
	for (; read_paths && *read_paths && n < READ_PATHS_MAX; read_paths++)
		paths[n++] = *read_paths;
	paths[n] = NULL;
	const char *user = sandbox_user_for(life->global->user, life->start->config_path);
	for (size_t i = 0; i < n && strcmp(user, life->global->user) == 0; i++)
		if (access(paths[i], F_OK) == 0) /* what is missing is nobody's */
			user = sandbox_user_for(user, paths[i]);
	struct sandbox s = {.profile = profile_of(service),
			    .view = SANDBOX_VIEW_READ_ONLY,
			    .user = user,
			    .capabilities_keep = life->capabilities,
			    .uses_bpf = life->bpf_path != NULL,
			    .read_paths = paths,
			    .write_paths = writable,
			    .syscalls = life->syscalls,
			    .syscalls_len = life->syscalls_n};
	if (!life->start->user && strcmp(s.user, life->global->user) != 0)
		log_notice("keeps root's number, without its capabilities: its user cannot read "
			   "the configuration or what it names",
			   LOG_TEXT("user", life->global->user));
	/* Who became its user before reading still has what it takes to open its sockets, and
	 * nothing more. */
	struct sandbox rest = {.profile = s.profile,
			       .view = SANDBOX_VIEW_AS_IS,
			       .capabilities_keep = s.capabilities_keep};
	TRY(states_make(life, life->start->user ? NULL : s.user));
	enum err e = life->bpf_path && !life->start->bpf_path ? bpf_make(life, s.user) : OK;
	if (!e)
		e = sandbox_enter_early(life->start->user ? &rest : &s, &life->sandbox);
	if (!e)
		e = sandbox_tighten(&s, &life->sandbox);
	if (e)
		sandbox_error(s.user, e);
	return e;
}

enum err service_life_control(struct service_life *life, const struct control_face *face)
{
	enum err e = control_new(&life->loop, fd_take(&life->control_fd), face, &life->control);
	if (e)
		log_error("the control socket cannot be served", LOG_ERR(e));
	return e;
}

json_t *service_life_status(const struct service_life *life)
{
	json_t *layers = json_array();
	for (enum sandbox_layer i = 0; i < SANDBOX_LAYERS; i++)
		if (sandbox_report_has(&life->sandbox, i))
			json_array_append_new(layers, json_string(sandbox_layer_name(i)));
	uint64_t up_s = (clock_monotonic_ms() - life->started_ms) / 1000;
	return json_pack("{s:s,s:s,s:i,s:I,s:o}", "service", life->start->service->name, "version",
			 GATEHOUSE_VERSION, "pid", (int)getpid(), "uptime_s", (json_int_t)up_s,
			 "sandbox", layers);
}

static void stop_now(void *arg)
{
	struct service_life *life = arg;
	loop_stop(&life->loop);
}

/* Who shares the control socket with a successor leaves it nobody unanswered. A second signal is
 * for the impatient. */
static void stop_asked(void *arg, int signal)
{
	struct service_life *life = arg;
	bool again = life->stopping;
	life->stopping = true;
	if (again || !life->control) {
		loop_stop(&life->loop);
		return;
	}
	log_info("stopping", LOG_TEXT("signal", signal == SIGTERM ? "SIGTERM" : "SIGINT"));
	err_ignore(notify_stopping(&life->notify)); /* nobody there is no reason to go on */
	control_finish(life->control, stop_now, life);
}

static void reload_asked(void *arg, int signal)
{
	struct service_life *life = arg;
	(void)signal;
	if (life->reload)
		life->reload(life->arg);
}

void service_life_reloading(struct service_life *life, bool over)
{
	enum err e = over ? notify_reloaded(&life->notify) : notify_reloading(&life->notify);
	if (e)
		log_warning("whoever started us cannot be told", LOG_ERR(e));
}

enum err service_life_signals(struct service_life *life)
{
	TRY(loop_signal(&life->loop, SIGTERM, stop_asked, life));
	TRY(loop_signal(&life->loop, SIGINT, stop_asked, life));
	return loop_signal(&life->loop, SIGHUP, reload_asked, life);
}

int service_life_run(struct service_life *life)
{
	enum err e = notify_ready(&life->notify);
	if (e)
		log_warning("whoever started us cannot be told that we are ready", LOG_ERR(e));
	log_info("ready");
	e = loop_run(&life->loop);
	if (e)
		log_error("the loop ended", LOG_ERR(e));
	return e ? 1 : 0;
}

void service_life_done(struct service_life *life)
{
	control_free(life->control);
	life->control = NULL;
	fd_done(&life->control_fd);
	notify_done(&life->notify);
	activation_done(&life->activation);
	loop_done(&life->loop);
	config_free(life->config);
	life->config = NULL;
	free(life->state_path);
	free(life->folder_path);
	free(life->bpf_path);
	life->state_path = life->folder_path = life->bpf_path = NULL;
}
