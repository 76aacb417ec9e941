"""Requests to ISPs: asked, answered in time or not, verified by who asked. Duty `isp` is proven by these rows."""
