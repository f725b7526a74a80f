/* The layers of the sandbox, one file each. Private to this folder; knows no order between them. */
#ifndef OS_SANDBOX_LAYERS_H
#define OS_SANDBOX_LAYERS_H

#include "os/sandbox.h"

/* What libc, and what it loads late (name services, character sets, time zones), reads. */
extern const char *const sandbox_system_paths[];
/* Devices, readable and writable. */
extern const char *const sandbox_device_paths[];

static inline void sandbox_report_add(struct sandbox_report *report, enum sandbox_layer layer)
{
	report->layers |= 1U << layer;
}

/* Needs CAP_SYS_ADMIN. */
MUST enum err sandbox_view_enter(const struct sandbox *sandbox);

/* Fills report->landlock_abi and the layers that are on. */
MUST enum err sandbox_landlock(const struct sandbox *sandbox, struct sandbox_report *report);

/* ERR_UNSUPPORTED: this kernel has no seccomp filters. */
MUST enum err sandbox_seccomp(const struct sandbox *sandbox);

#endif
