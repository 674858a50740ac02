{{/* The controller adds a hash of ten digits to the names of its pods' labels, and those end at 63. */}}
{{- define "waymark.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "waymark.selectorLabels" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "waymark.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "waymark.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "waymark.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "waymark.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "waymark.image" -}}
{{- $tag := default .Chart.AppVersion .Values.image.tag -}}
{{- printf "%s%s%s" .Values.image.repository (hasPrefix "sha256:" $tag | ternary "@" ":") $tag -}}
{{- end -}}

{{/* The settings, with the definition beside them. */}}
{{- define "waymark.config" -}}
{{- $config := deepCopy .Values.customConfig -}}
{{- if .Values.definition -}}
{{- $_ := set $config "definition" "definition.yaml" -}}
{{- end -}}
{{- if not (hasKey $config "http") -}}
{{- $_ := set $config "http" (printf "0.0.0.0:%v" .Values.containerPort) -}}
{{- end -}}
{{- toYaml $config -}}
{{- end -}}

{{/* What a container needs to run any command of Waymark. */}}
{{- define "waymark.container" -}}
image: {{ include "waymark.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext: {{- toYaml .Values.securityContext | nindent 2 }}
env:
  - { name: WAYMARK_CONFIG, value: /etc/waymark/waymark.yaml }
  {{- with .Values.env }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .Values.envFrom }}
envFrom: {{- toYaml . | nindent 2 }}
{{- end }}
volumeMounts:
  - { name: config, mountPath: /etc/waymark, readOnly: true }
  {{- if .Values.existingSecret }}
  - { name: secrets, mountPath: /run/secrets/waymark, readOnly: true }
  {{- end }}
  {{- with .Values.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{/* ConfigMaps in one folder: files in the settings are meant as seen from there. */}}
{{- define "waymark.volumes" -}}
- name: config
  projected:
    sources:
      {{- range .Values.existingConfigMaps }}
      - configMap: { name: {{ . }} }
      {{- else }}
      - configMap: { name: {{ include "waymark.fullname" . }} }
      {{- end }}
{{- with .Values.existingSecret }}
- name: secrets
  secret: { secretName: {{ . }}, defaultMode: 288 } # 0440
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}
