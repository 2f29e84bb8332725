"""HTML as its elements and texts, for tests that look for markup where there must be none."""

from html.parser import HTMLParser


class Tags(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.found, self.data = [], []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.data.append(data)

    def of(self, tag):
        return [attributes for name, attributes in self.found if name == tag]

    @property
    def text(self):
        return " ".join(" ".join(self.data).split())
