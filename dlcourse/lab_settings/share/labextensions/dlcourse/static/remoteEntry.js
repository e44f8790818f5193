// An extension of JupyterLab, written by hand: nothing to build. JupyterLab loads this script and asks for './extension'.
(() => {
  // Lines of text stay short enough to read; code and figures keep the whole width.
  const STYLE = '.jp-MarkdownCell .jp-RenderedMarkdown { max-width: 48em; }';
  const DESCRIPTION = '.jupyter-widgets > .widget-label:not(.jupyter-widgets)';
  const CONTROLS = '[role=slider], .widget-readout, select, textarea, input:not([type=radio], [type=checkbox])';

  // ipywidgets shows a description beside a control; a screen reader needs it on the control itself.
  const nameControls = () => {
    for (const description of document.querySelectorAll(DESCRIPTION)) {
      const name = description.textContent.trim();
      for (const control of name ? description.parentElement.querySelectorAll(CONTROLS) : []) {
        if (control.getAttribute('aria-label') !== name) control.setAttribute('aria-label', name);
      }
    }
  };

  const activate = () => {
    document.head.appendChild(document.createElement('style')).textContent = STYLE;
    let waiting = false; // many changes come at once: look once for all of them, before the next picture
    const soon = () => {
      if (!waiting) requestAnimationFrame(() => { waiting = false; nameControls(); });
      waiting = true;
    };
    new MutationObserver(soon).observe(document.body, { childList: true, subtree: true, characterData: true });
  };

  const plugin = { id: 'dlcourse:reading', autoStart: true, activate };
  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB.dlcourse = {
    init: () => {},
    get: async () => () => ({ __esModule: true, default: plugin }),
  };
})();
